# As many events as are asked for. Enters flood, leaves numbers, each with a text that makes it as large as an HTTP request's.
@load ./server

module BrokerTest;

export {
	global flood: event(first: count, n: count) &is_used;
	global number: event(n: count, text: string) &is_used;
	# The same with twelve arguments, about 850 bytes as JSON.
	global requests: event(n: count) &is_used;
	global request: event(n: count, at: time, uid: string, orig_h: addr, orig_p: port, resp_h: addr, resp_p: port,
	    method: string, uri: string, version: string, status: count, length: count) &is_used;
	# Keeps the main loop busy for so long.
	global work: event(how_long: interval) &is_used;
	global worked: event() &is_used;
}

event flood(first: count, n: count)
	{
	local text = text_of(600);
	local i = 0;
	while ( i < n )
		{
		Cluster::publish("from/", number, first + i, text);
		++i;
		}
	}

event requests(n: count)
	{
	local uri = "/users/alice/charge?with=" + text_of(130);
	local i = 0;
	while ( i < n )
		{
		Cluster::publish("from/", request, i, double_to_time(1404901004.123), "CHhAvVGS1DHFjwGM9", 10.1.0.11, 40000/tcp,
		    10.1.0.12, 8080/tcp, "POST", uri, "1.1", i % 7, i);
		++i;
		}
	}

event work(how_long: interval)
	{
	local end = current_time() + how_long;
	while ( current_time() < end )
		;
	Cluster::publish("from/", worked);
	}
