# What a client can meet: enters events of a test over a WebSocket; leaves every type of value, and what came back.
@load ./server

module BrokerTest;

export {
	type Inner: record {
		name: string;
		more: count &optional;
	};

	global scalars: event(b: bool, c: count, i: int, d: double, t: time, iv: interval, s: string, e: transport_proto,
	    a: addr, n: subnet, p: port);
	global composites: event(v: vector of count, s: set[addr, port], t: table[string] of interval, r: Inner);
	global reals: event(nan: double, inf: double, neg: double, small: double);
	global bytes: event(s: string);
	global number: event(n: count);
	global total: event(n: count);
	global seen: event(n: count);
	global file_done: event(seen: count);

	# From the client.
	global go: event() &is_used;
	global flood: event(n: count) &is_used;
	global any_value: event(value: any) &is_used;
}

global received = 0;
global connections = 0;

event zeek_init()
	{
	if ( getenv("BROKER_TEST_SUSPEND") != "" )
		suspend_processing();
	}

event Cluster::websocket_client_added(endpoint: Cluster::EndpointInfo, subscriptions: string_vec)
	{
	if ( getenv("BROKER_TEST_SUSPEND") != "" )
		continue_processing();
	}

event go()
	{
	local all = "";
	local i = 0;
	while ( i < 256 )
		{
		all += hexstr_to_bytestring(fmt("%02x", i));
		Cluster::publish("from/", bytes, "a" + hexstr_to_bytestring(fmt("%02x", i)) + "b");
		++i;
		}
	Cluster::publish("from/", bytes, all);
	Cluster::publish("from/", reals, to_double("nan"), to_double("inf"), to_double("-inf"), 0.0000001);
	Cluster::publish("from/", scalars, T, 18446744073709551615, -9223372036854775807, -1.5, double_to_time(1404901004.1255),
	    1500msec, "é", tcp, [2001:db8::1], 192.0.2.0/24, 80/udp);
	Cluster::publish("from/", scalars, F, 0, +0, 0.0, double_to_time(0.0), 0sec, "", unknown_transport, 0.0.0.0, [::]/0,
	    0/unknown);
	Cluster::publish("from/", composites, vector(1, 2), set([127.0.0.1, 80/tcp]), table(["k"] = -5usec), Inner($name="n"));
	Cluster::publish("from/", number, 1);
	}

# What the client sends comes back as Zeek understood it.
event scalars(b: bool, c: count, i: int, d: double, t: time, iv: interval, s: string, e: transport_proto,
    a: addr, n: subnet, p: port)
	{
	Cluster::publish("from/", scalars, b, c, i, d, t, iv, s, e, a, n, p);
	}

event composites(v: vector of count, s: set[addr, port], t: table[string] of interval, r: Inner)
	{
	Cluster::publish("from/", composites, v, s, t, r);
	}

event bytes(s: string)
	{
	Cluster::publish("from/", bytes, s);
	}

event reals(nan: double, inf: double, neg: double, small: double)
	{
	Cluster::publish("from/", reals, nan, inf, neg, small);
	}

event number(n: count)
	{
	++received;
	if ( n == 2999 )
		Cluster::publish("from/", total, received);
	}

event flood(n: count)
	{
	local i = 0;
	while ( i < n )
		{
		Cluster::publish("from/", number, i);
		++i;
		}
	}

event new_connection(c: connection)
	{
	++connections;
	Cluster::publish("from/", seen, connections);
	}

event Pcap::file_done(path: string)
	{
	Cluster::publish("from/", file_done, connections);
	}

event any_value(value: any)
	{
	}
