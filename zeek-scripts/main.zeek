##! What the engine and Zeek say to each other, and the numbers by which the engine sees that nothing is missing.
##!
##! Every published event begins with a Head. Its `n` rises by one from event to event of one epoch, and an epoch is one run
##! of one Zeek: a number that is missing is an event that is missing. Bytes of traffic leave in base64, so that no byte of
##! an attacker's choosing can break the JSON text or the UTF-8 of a WebSocket frame.

@load frameworks/cluster/backend/broker

module FlowTap;

export {
	## Rises when an event changes its shape or its meaning.
	const schema = 1;

	## Names this Zeek in the engine's log and evidence.
	const node = getenv("FLOWTAP_NODE") == "" ? "zeek" : getenv("FLOWTAP_NODE") &redef;

	## Where the engine connects. The API has no authentication: loopback or a namespace of its own only.
	const listen_addr = 127.0.0.1 &redef;
	const listen_port: port = getenv("FLOWTAP_PORT") == "" ? 27759/tcp : to_port(fmt("%s/tcp", getenv("FLOWTAP_PORT"))) &redef;

	## Zeek drops a client that does not take an event for about this long.
	const ping_interval = 5 sec &redef;

	const event_topic = "flowtap/events/" &redef;
	const control_topic = "flowtap/control/" &redef;

	## Replay: packets wait until the engine says `resume`, and Zeek ends when the engine says `finish`.
	const replay = getenv("FLOWTAP_REPLAY") != "" &redef;

	## Replay: at most so many events are under way that the engine has not confirmed; then packets wait.
	const replay_window: count = 50000 &redef;

	const heartbeat_interval = 1 sec &redef;

	## What every published event begins with.
	type Head: record {
		## One run of one Zeek.
		epoch: string;
		## Counts the published events of this epoch from 1.
		n: count;
		## Network time in microseconds since 1970 UTC.
		ts: count;
		## The connection; empty for an event that is of none.
		uid: string;
	};

	## Who publishes: sent to a client that has connected, and when the configuration changed. `problem` is empty unless
	## the last `configure` could not be followed.
	global hello: event(h: Head, schema: count, node: string, version: string, replay: bool, configuration: string, problem: string);

	## Shows that events which are missing are missing, also while nothing else is said.
	global heartbeat: event(h: Head, dropped_packets: count, unpublished: count, unfollowed: count);

	## All packets of a capture were processed.
	global capture_end: event(h: Head, path: string);

	## What matters: services as "port/protocol" (`8080/http`), the hosts whose connections are published (none: all),
	## and limits by name. `id` comes back in `hello`.
	global configure: event(id: string, services: vector of string, hosts: vector of subnet, limits: table[string] of count);

	## Replay: the engine is ready.
	global resume: event();

	## Replay: the engine has taken events up to this number.
	global credit: event(n: count);

	## Replay: the engine has all it needs.
	global finish: event();

	## Bytes of a message body, and of one SQL message, that are published; the rest is counted.
	global body_limit: count = 1048576 &redef;
	global statement_limit: count = 4194304 &redef;

	## Rows of one result that are published; the others are counted.
	global row_limit: count = 100 &redef;

	## Bytes of each side that are published of a connection to a port that no service is declared on.
	global undeclared_limit: count = 65536 &redef;

	## Connections that are followed at once; more are counted, and nothing of them is published.
	global connection_limit: count = 100000 &redef;

	## The Head of the next event of a connection.
	global next_head: function(uid: string): Head;

	## Counts a publication that Zeek refused, whose number is then missing.
	global check: function(published: bool);

	## True for a connection that the engine wants to see.
	global wanted: function(id: conn_id): bool;

	## True for a port that a grammar reads.
	global declared: function(p: port): bool;

	## True for a port on whose connections clients log in.
	global has_login: function(p: port): bool;

	## Adds "8080/http". F for what is no service.
	global add_service: function(text: string): bool;
}

global epoch = "";
global events: count = 0;
global confirmed: count = 0;
global waiting = F;
global unpublished: count = 0;
## Connections that were not followed, since there were too many.
global unfollowed: count = 0;
global wanted_hosts: vector of subnet = vector();
global configuration = "";
global problem = "";

## Microseconds since 1970; a double has room for them, and Zeek's conversion rounds.
function micros(t: time): count
	{
	return double_to_count(time_to_double(t) * 1000000.0);
	}

function next_head(uid: string): Head
	{
	++events;
	if ( replay && ! waiting && events > confirmed + replay_window )
		{
		waiting = T;
		suspend_processing();
		}
	return [$epoch=epoch, $n=events, $ts=micros(network_time()), $uid=uid];
	}

function check(published: bool)
	{
	if ( ! published )
		++unpublished;
	}

function wanted(id: conn_id): bool
	{
	if ( |wanted_hosts| == 0 )
		return T;
	for ( i in wanted_hosts )
		if ( id$orig_h in wanted_hosts[i] || id$resp_h in wanted_hosts[i] )
			return T;
	return F;
	}

function say_hello()
	{
	check(Cluster::publish(event_topic, hello, next_head(""), schema, node, zeek_version(), replay, configuration, problem));
	}

event FlowTap::beat()
	{
	# Reading a capture, network time stands still at its end, and packets that were dropped are none.
	local dropped = reading_live_traffic() ? get_net_stats()$pkts_dropped : 0;
	check(Cluster::publish(event_topic, heartbeat, next_head(""), dropped, unpublished, unfollowed));
	schedule heartbeat_interval { FlowTap::beat() };
	}

event zeek_init() &priority=10
	{
	epoch = unique_id("E");
	if ( replay )
		suspend_processing();
	Cluster::subscribe(control_topic);
	Cluster::listen_websocket([$listen_addr=listen_addr, $listen_port=listen_port, $ping_interval=ping_interval]);
	if ( ! replay )
		event FlowTap::beat();
	}

event Cluster::websocket_client_added(info: Cluster::EndpointInfo, subscriptions: string_vec)
	{
	say_hello();
	}

event Cluster::websocket_client_lost(info: Cluster::EndpointInfo, code: count, reason: string)
	{
	if ( replay )
		terminate();
	}

event FlowTap::configure(id: string, services: vector of string, hosts: vector of subnet, limits: table[string] of count)
	{
	configuration = id;
	problem = "";
	wanted_hosts = hosts;
	for ( i in services )
		if ( ! add_service(services[i]) && problem == "" )
			problem = fmt("no service: %s", escape_string(services[i]));
	for ( name, limit in limits )
		switch ( name )
			{
			case "body":
				body_limit = limit;
				break;
			case "statement":
				statement_limit = limit;
				break;
			case "rows":
				row_limit = limit;
				break;
			case "undeclared":
				undeclared_limit = limit;
				break;
			case "connections":
				connection_limit = limit;
				break;
			default:
				if ( problem == "" )
					problem = fmt("no limit: %s", escape_string(name));
				break;
			}
	say_hello();
	}

event FlowTap::resume()
	{
	if ( replay )
		continue_processing();
	}

event FlowTap::credit(n: count)
	{
	confirmed = n;
	if ( waiting && events < confirmed + replay_window / 2 )
		{
		waiting = F;
		continue_processing();
		}
	}

event FlowTap::finish()
	{
	if ( replay )
		terminate();
	}

event Pcap::file_done(path: string) &priority=-10
	{
	check(Cluster::publish(event_topic, capture_end, next_head(""), encode_base64(path)));
	}
