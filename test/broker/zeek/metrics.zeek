# What Zeek counts of its clients. Enters measure, leaves a metric each and measured.
@load base/frameworks/telemetry
@load ./server

module BrokerTest;

export {
	global measure: event() &is_used;
	global metric: event(name: string, labels: string_vec, value: count) &is_used;
	global measured: event() &is_used;
}

event measure()
	{
	for ( _, m in Telemetry::collect_metrics("zeek", "cluster_websocket_*") )
		Cluster::publish("from/", metric, m$opts$name, m$label_values, double_to_count(m$value));
	Cluster::publish("from/", measured);
	}
