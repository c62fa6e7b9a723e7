# A Zeek whose time stands still. Enters pings, leaves pongs.
redef allow_network_time_forward = F;

@load ./server

event zeek_init() &priority=10
	{
	set_network_time(double_to_time(4711.0));
	}
