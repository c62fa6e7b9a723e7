# A node of a cluster. Enters pings, leaves pongs that say which node they are of.
@load ./server

module BrokerTest;

export {
	redef enum Log::ID += { LOG };

	type Info: record {
		msg: string &log;
	};

	# Published as an identifier.
	global answered = 0;
}

global up: set[string];

# The manager lets clients in once all other nodes are there.
event Cluster::node_up(name: string, id: string)
	{
	add up[name];
	if ( Cluster::local_node_type() == Cluster::MANAGER && |up| == to_count(setting("NODES")) - 1 )
		listen();
	}

event zeek_init()
	{
	Log::create_stream(LOG, [$columns=Info, $path="test"]);
	}

event ping(msg: string, n: count) &priority=10
	{
	Log::write(LOG, [$msg=msg]);
	Log::flush(LOG);
	++answered;
@if ( getenv("BROKER_TEST_BACKEND") == "broker" )
	Broker::flush_logs();
	if ( Cluster::local_node_type() == Cluster::MANAGER )
		Broker::publish_id(Cluster::logger_topic, "BrokerTest::answered");
@endif
	}
