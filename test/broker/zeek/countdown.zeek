# A Zeek that ends after a thousand events. Enters ticks.
@load ./server

module BrokerTest;

export {
	global tick: event(msg: string, n: count) &is_used;
}

global ticks = 0;

event tick(msg: string, n: count)
	{
	if ( ++ticks == 1000 )
		terminate();
	}
