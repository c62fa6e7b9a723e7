# A Zeek with last words. Enters mark and finish; leaves a pong for the mark, and one in its end that nobody gets.
@load ./server

module BrokerTest;

export {
	global mark: event() &is_used;
}

event mark()
	{
	Cluster::publish("from/", pong, "marker", 1);
	}

event zeek_done()
	{
	if ( Cluster::publish("from/", pong, "at the end", 2) )
		print "published in zeek_done";
	}
