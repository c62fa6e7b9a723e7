##! Connections: their beginning at the SYN, their answer, the end of each side, their end, and what TCP itself is unsure of.

@load ./main
# The same addresses and ports on two VLANs are two connections.
@load policy/frameworks/conn_key/vlan_fivetuple

module FlowTap;

export {
	## The first packet of a connection, which was a `syn`, a `syn-ack` (its sender is then not who opened the connection),
	## or `other` (whoever opened it did so before).
	global conn_new: event(h: Head, orig_h: addr, orig_p: count, resp_h: addr, resp_p: count, vlans: vector of count, first: string);

	## Zeek takes the originator for the responder from here on, and the other way round.
	global conn_flipped: event(h: Head);

	## The responder has answered.
	global conn_established: event(h: Head);

	## A side has sent its FIN, and everything before it was seen.
	global side_end: event(h: Head, is_orig: bool);

	## Nothing more will come: `fin`, `rst`, `timeout`.
	global conn_end: event(h: Head, how: string);

	## Bytes of the traffic that two readers could take differently, by a code of the engine's.
	global ambiguity: event(h: Head, code: string, detail: string);

	## What is known of a connection here.
	type State: record {
		ended: bool &default=F;
		## Bytes are published as they come, since no grammar reads them (any more).
		unread: bool &default=F;
		## What the client sends may be a password.
		secret: bool &default=F;
		## Where a gap stopped the grammar of a side.
		orig_gap: count &optional;
		resp_gap: count &optional;
		## Bytes published so far of a connection on an undeclared port, by side.
		orig_bytes: count &default=0;
		resp_bytes: count &default=0;
	};
}

redef record connection += {
	flowtap: State &optional;
};

redef ignore_checksums = T;
# Bytes that were acknowledged already are kept a while, to see whether they are sent again and differ.
redef tcp_max_old_segments = 16;
# A gap is told also in connections whose beginning was not seen.
redef report_gaps_for_partial = T;

## What an engine that connects later has to be told of a connection that goes on.
type Known: record {
	id: conn_id;
	vlans: vector of count;
};

## Connections that have begun and not ended.
global known: table[string] of Known = table();

## Weirds of Zeek by which readers of the same packets may come to other bytes.
const ambiguous_weirds: table[string] of string = {
	["SYN_with_data"] = "tcp-data-in-syn",
	["fragment_overlap"] = "ip-fragment-overlap",
	["fragment_inconsistency"] = "ip-fragment-overlap",
	["fragment_size_inconsistency"] = "ip-fragment-overlap",
};

function announce(uid: string, what: Known, first: string)
	{
	check(Cluster::publish(event_topic, conn_new, next_head(uid), what$id$orig_h, port_to_count(what$id$orig_p), what$id$resp_h,
	                       port_to_count(what$id$resp_p), what$vlans, first));
	}

event new_connection(c: connection)
	{
	if ( get_port_transport_proto(c$id$resp_p) != tcp || ! wanted(c$id) )
		return;
	if ( |known| >= connection_limit )
		{
		++unfollowed;
		return;
		}
	c$flowtap = State();
	c$flowtap$secret = has_login(c$id$resp_p);
	local vlans: vector of count = vector();
	if ( c?$vlan )
		vlans += int_to_count(c$vlan);
	if ( c?$inner_vlan )
		vlans += int_to_count(c$inner_vlan);
	local header = get_current_packet_header();
	local flags = header?$tcp ? header$tcp$flags : 0;
	local first = flags & 2 == 0 ? "other" : flags & 16 == 0 ? "syn" : "syn-ack";
	c$flowtap$unread = first != "syn" || ! declared(c$id$resp_p);
	if ( first == "other" )
		c$flowtap$secret = F;
	known[c$uid] = [$id=c$id, $vlans=vlans];
	announce(c$uid, known[c$uid], first);
	}

event connection_flipped(c: connection)
	{
	if ( ! c?$flowtap || c$flowtap$ended )
		return;
	c$flowtap$unread = T;
	if ( c$uid in known )
		known[c$uid]$id = c$id;
	check(Cluster::publish(event_topic, conn_flipped, next_head(c$uid)));
	}

# Before that, main.zeek says hello; after it, a heartbeat says that there are no others.
event Cluster::websocket_client_added(info: Cluster::EndpointInfo, subscriptions: string_vec) &priority=-5
	{
	for ( uid, what in known )
		announce(uid, what, "other");
	}

event connection_established(c: connection)
	{
	if ( c?$flowtap )
		check(Cluster::publish(event_topic, conn_established, next_head(c$uid)));
	}

# Ends are told by events of their own, which queue behind what the grammars say of the last bytes of the same packet.
event FlowTap::side_over(c: connection, is_orig: bool)
	{
	if ( ! c$flowtap$ended )
		check(Cluster::publish(event_topic, side_end, next_head(c$uid), is_orig));
	}

event connection_EOF(c: connection, is_orig: bool) &priority=-5
	{
	if ( c?$flowtap )
		event FlowTap::side_over(c, is_orig);
	}

event FlowTap::over(c: connection, how: string)
	{
	if ( c$flowtap$ended )
		return;
	c$flowtap$ended = T;
	delete known[c$uid];
	check(Cluster::publish(event_topic, conn_end, next_head(c$uid), how));
	}

event connection_finished(c: connection) &priority=-5
	{
	if ( c?$flowtap )
		event FlowTap::over(c, "fin");
	}

event connection_reset(c: connection) &priority=-5
	{
	if ( c?$flowtap )
		event FlowTap::over(c, "rst");
	}

event connection_rejected(c: connection) &priority=-5
	{
	if ( c?$flowtap )
		event FlowTap::over(c, "rst");
	}

event connection_state_remove(c: connection) &priority=-5
	{
	if ( c?$flowtap )
		event FlowTap::over(c, "timeout");
	}

event rexmit_inconsistency(c: connection, t1: string, t2: string, tcp_flags: string)
	{
	if ( c?$flowtap )
		check(Cluster::publish(event_topic, ambiguity, next_head(c$uid), "tcp-overlap-conflict",
		                       "the same bytes of the stream were sent twice and differ"));
	}

event conn_weird(name: string, c: connection, addl: string)
	{
	if ( c?$flowtap && name in ambiguous_weirds )
		check(Cluster::publish(event_topic, ambiguity, next_head(c$uid), ambiguous_weirds[name], name));
	}
