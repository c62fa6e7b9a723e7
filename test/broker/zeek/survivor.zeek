# A Zeek that starts a process which outlives it. Leaves the process id of that in a file.
@load base/frameworks/input
@load ./server

module BrokerTest;

type Line: record {
	text: string;
};

event line(description: Input::EventDescription, kind: Input::Event, text: string)
	{
	}

event zeek_init()
	{
	Input::add_event([$name="survivor", $source="sh -c 'echo $$ > survivor.pid; exec sleep 60' |",
	    $reader=Input::READER_RAW, $mode=Input::STREAM, $fields=Line, $ev=line, $want_record=F]);
	}
