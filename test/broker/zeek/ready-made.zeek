# The server that comes with Zeek. Enters pings, leaves the same pings, as Zeek's own test of it does.
@if ( getenv("BROKER_TEST_BACKEND") == "broker" )
@load frameworks/cluster/backend/broker
@endif
@load frameworks/cluster/websocket/server

@if ( getenv("BROKER_TEST_BACKEND") == "zeromq" )
redef Cluster::Backend::ZeroMQ::listen_xpub_endpoint = getenv("BROKER_TEST_XPUB");
redef Cluster::Backend::ZeroMQ::listen_xsub_endpoint = getenv("BROKER_TEST_XSUB");
redef Cluster::Backend::ZeroMQ::connect_xpub_endpoint = getenv("BROKER_TEST_XSUB");
redef Cluster::Backend::ZeroMQ::connect_xsub_endpoint = getenv("BROKER_TEST_XPUB");
@endif

module BrokerTest;

export {
	global ping: event(msg: string, n: count) &is_used;
	global pong: event(msg: string, n: count) &is_used;
}

event zeek_init()
	{
	Cluster::subscribe("to/");
	}

event ping(msg: string, n: count)
	{
	Cluster::publish("from/", pong, msg, n);
	}
