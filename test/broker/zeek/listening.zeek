# What Cluster::listen_websocket takes and what it refuses. Leaves a line for each, and ends.
redef exit_only_after_terminate = T;

function try(what: string, options: Cluster::WebSocketServerOptions)
	{
	print fmt("listen %s: %s", what, Cluster::listen_websocket(options));
	}

function tls_of(): Cluster::WebSocketTLSOptions
	{
	return Cluster::WebSocketTLSOptions($cert_file=getenv("BROKER_TEST_CERT"), $key_file=getenv("BROKER_TEST_KEY"));
	}

event zeek_init()
	{
	local first = to_port(getenv("BROKER_TEST_PORT") + "/tcp");
	local second = to_port(getenv("BROKER_TEST_XPUB") + "/tcp");
	local plain = Cluster::WebSocketServerOptions($listen_addr=127.0.0.1, $listen_port=first);
	local secure = Cluster::WebSocketServerOptions($listen_addr=127.0.0.1, $listen_port=second, $tls_options=tls_of());

	local half = copy(plain);
	half$tls_options = Cluster::WebSocketTLSOptions($cert_file=getenv("BROKER_TEST_CERT"));
	try("certificate without key", half);
	half$tls_options = Cluster::WebSocketTLSOptions($key_file=getenv("BROKER_TEST_KEY"));
	try("key without certificate", half);

	try("plain", plain);
	try("plain again", plain);
	local mixed = copy(plain);
	mixed$tls_options = tls_of();
	try("plain port with TLS", mixed);
	try("TLS", secure);
	local equal = copy(secure);
	equal$tls_options = tls_of();
	try("TLS, equal options", equal);
	try("TLS port without", Cluster::WebSocketServerOptions($listen_addr=127.0.0.1, $listen_port=second));

	local queue = copy(plain);
	queue$max_event_queue_size = 42;
	try("other queue size", queue);
	queue$max_event_queue_size = Cluster::default_websocket_max_event_queue_size;
	try("default queue size", queue);
	terminate();
	}
