# A Zeek that fails to peer with another one. Enters await_failure, leaves failed once it did.
@load ./server

module BrokerTest;

export {
	global await_failure: event() &is_used;
	global failed: event() &is_used;
}

global failures = 0;
global awaited = F;

event Cluster::websocket_client_added(endpoint: Cluster::EndpointInfo, subscriptions: string_vec)
	{
	# Nobody listens there; no second attempt within the test.
	Broker::peer("127.0.0.1", 1/tcp, 1 hr);
	}

event Broker::error(code: Broker::ErrorCode, msg: string)
	{
	++failures;
	if ( awaited )
		Cluster::publish("from/", failed);
	}

event await_failure()
	{
	awaited = T;
	if ( failures > 0 )
		Cluster::publish("from/", failed);
	}
