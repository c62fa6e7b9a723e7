# Large messages. Enters make, leaves a pong of so many MiB.
@load ./server

module BrokerTest;

export {
	global make: event(mib: count) &is_used;
}

event make(mib: count)
	{
	Cluster::publish("from/", pong, text_of(mib * 1048576), mib);
	}
