# A WebSocket server for tests, set up by the environment. Enters pings, leaves pongs, and who came and went.
@if ( getenv("BROKER_TEST_BACKEND") == "zeromq" )
@load frameworks/cluster/backend/zeromq
redef Cluster::Backend::ZeroMQ::run_proxy_thread = getenv("CLUSTER_NODE") in set("", "manager");
# What a client published is sent on after it closed, also by a machine that is busy.
redef Cluster::Backend::ZeroMQ::linger_ms = 10000;
redef Cluster::Backend::ZeroMQ::listen_xpub_endpoint = "tcp://127.0.0.1:" + getenv("BROKER_TEST_XPUB");
redef Cluster::Backend::ZeroMQ::listen_xsub_endpoint = "tcp://127.0.0.1:" + getenv("BROKER_TEST_XSUB");
redef Cluster::Backend::ZeroMQ::connect_xpub_endpoint = "tcp://127.0.0.1:" + getenv("BROKER_TEST_XSUB");
redef Cluster::Backend::ZeroMQ::connect_xsub_endpoint = "tcp://127.0.0.1:" + getenv("BROKER_TEST_XPUB");
@endif
@if ( getenv("BROKER_TEST_BACKEND") == "broker" )
@load frameworks/cluster/backend/broker
redef Broker::disable_ssl = T;
@endif
@load base/frameworks/cluster

redef exit_only_after_terminate = T;

module BrokerTest;

export {
	# From clients.
	global ping: event(msg: string, n: count) &is_used;
	global finish: event() &is_used;

	# To clients.
	global pong: event(msg: string, n: count) &is_used;
	global added: event(id: string, name: string, subscriptions: string_vec) &is_used;
	global lost: event(id: string, code: count, reason: string) &is_used;

	global listen: function();
	# So many letters.
	global text_of: function(length: count): string;
}

type Held: record {
	msg: string;
	n: count;
};

# Pings wait until so many clients are there.
global expected = getenv("BROKER_TEST_EXPECT") == "" ? 0 : to_count(getenv("BROKER_TEST_EXPECT"));
global clients = 0;
global held: vector of Held;

function setting(name: string): string
	{
	return getenv("BROKER_TEST_" + name);
	}

function text_of(length: count): string
	{
	local text = "x";
	while ( |text| < length )
		text += text;
	return sub_bytes(text, 1, length);
	}

function listen()
	{
	local options = Cluster::WebSocketServerOptions($listen_port=to_port(setting("PORT") + "/tcp"));
	options$listen_addr = setting("ADDR") == "" ? 127.0.0.1 : to_addr(setting("ADDR"));
	if ( setting("PING") != "" )
		options$ping_interval = double_to_interval(to_double(setting("PING")));
	if ( setting("QUEUE") != "" )
		options$max_event_queue_size = to_count(setting("QUEUE"));
	if ( setting("CERT") != "" )
		options$tls_options = Cluster::WebSocketTLSOptions($cert_file=setting("CERT"), $key_file=setting("KEY"),
		    $enable_peer_verification=setting("CA") != "", $ca_file=setting("CA"));
	if ( setting("CIPHERS") != "" )
		options$tls_options = Cluster::WebSocketTLSOptions($cert_file="", $key_file="", $ca_file="NONE",
		    $ciphers=setting("CIPHERS"));
	if ( ! Cluster::listen_websocket(options) )
		Reporter::fatal("cannot listen");
	}

event zeek_init()
	{
	Cluster::subscribe("to/");
	# Nodes of a cluster say themselves when.
	if ( getenv("CLUSTER_NODE") == "" )
		listen();
	}

event Cluster::websocket_client_added(endpoint: Cluster::EndpointInfo, subscriptions: string_vec)
	{
	++clients;
	local name = endpoint?$application_name ? endpoint$application_name : "";
	Cluster::publish("watch/", added, endpoint$id, name, subscriptions);
	if ( clients < expected )
		return;
	for ( _, one in held )
		Cluster::publish("from/", pong, one$msg, one$n);
	held = vector();
	}

event Cluster::websocket_client_lost(endpoint: Cluster::EndpointInfo, code: count, reason: string)
	{
	Cluster::publish("watch/", lost, endpoint$id, code, reason);
	}

event ping(msg: string, n: count)
	{
	if ( clients < expected )
		held += Held($msg=msg, $n=n);
	else
		Cluster::publish("from/", pong, Cluster::node == "" ? msg : fmt("%s: %s", Cluster::node, msg), n);
	}

event finish()
	{
	terminate();
	}
