##! The bytes of both sides as messages, where a grammar delimits them, and as they come where none does.

@load ./conn

module FlowTap;

export {
	## Bytes `[start, start + length)` of a side. `raw` has the first of them; those behind are not published: over a
	## limit, or a credential. `kind` and `about` are what a grammar read there (see the grammar), for the engine to
	## compare with its own reading; `kind` is empty for bytes that no grammar delimits.
	global data: event(h: Head, is_orig: bool, start: count, raw: string, length: count, kind: string, about: vector of string);

	## Bytes that will never come: not captured, or given up by Zeek.
	global lost: event(h: Head, is_orig: bool, start: count, length: count);

	## Raised by the grammars.
	global message: event(c: connection, is_orig: bool, start: count, raw: string, length: count, kind: string, about: vector of string);
}

# Bytes as they come are wanted only where no grammar reads them, but which connections these are shows later.
redef tcp_content_deliver_all_orig = T;
redef tcp_content_deliver_all_resp = T;

global services: table[port] of string = table();

## Ports that usually speak a protocol.
const well_known: vector of string = vector(
	"80/http", "591/http", "3000/http", "5000/http", "8000/http", "8008/http", "8080/http", "8081/http", "8088/http",
	"8888/http", "9080/http", "9200/http", "15672/http", "5672/amqp", "5432/postgres", "3306/mysql");

const analyzers: table[string] of Analyzer::Tag = {
	["http"] = Analyzer::ANALYZER_SPICY_FLOWTAP_HTTP,
	["amqp"] = Analyzer::ANALYZER_SPICY_FLOWTAP_AMQP,
	["postgres"] = Analyzer::ANALYZER_SPICY_FLOWTAP_POSTGRES,
	["mysql"] = Analyzer::ANALYZER_SPICY_FLOWTAP_MYSQL,
};

function declared(p: port): bool
	{
	return p in services;
	}

function has_login(p: port): bool
	{
	return p in services && services[p] != "http";
	}

function add_service(text: string): bool
	{
	local parts = split_string1(text, /\//);
	if ( |parts| != 2 || /^[0-9]{1,5}$/ !in parts[0] || parts[1] !in analyzers )
		return F;
	local p = count_to_port(to_count(parts[0]), tcp);
	if ( p in services && services[p] == parts[1] )
		return T;
	services[p] = parts[1];
	return Analyzer::register_for_port(analyzers[parts[1]], p);
	}

event zeek_init() &priority=5
	{
	for ( i in well_known )
		add_service(well_known[i]);
	}

function publish_data(c: connection, is_orig: bool, start: count, raw: string, length: count, kind: string, about: vector of string)
	{
	local encoded: vector of string = vector();
	for ( i in about )
		encoded += encode_base64(about[i]);
	check(Cluster::publish(event_topic, data, next_head(c$uid), is_orig, start, encode_base64(raw), length, kind, encoded));
	}

## Messages that come once a login is over, whose secrets grammars hold back and raw bytes would not.
const logged_in: set[string] = { "ReadyForQuery", "connection.open", "request" };

event FlowTap::message(c: connection, is_orig: bool, start: count, raw: string, length: count, kind: string, about: vector of string)
	{
	if ( ! c?$flowtap || c$flowtap$ended )
		return;
	if ( c$flowtap$unread )
		{
		# What a grammar held of a message that a gap has cut leaves after the gap was found.
		if ( is_orig ? ! c$flowtap?$orig_gap || start >= c$flowtap$orig_gap
		             : ! c$flowtap?$resp_gap || start >= c$flowtap$resp_gap )
			return;
		}
	if ( kind in logged_in || /^COM_/ in kind )
		c$flowtap$secret = F;
	publish_data(c, is_orig, start, raw, length, kind, about);
	}

event tcp_contents(c: connection, is_orig: bool, seq: count, contents: string)
	{
	if ( ! c?$flowtap || ! c$flowtap$unread || c$flowtap$ended )
		return;
	if ( ! declared(c$id$resp_p) && ! declared(c$id$orig_p) )
		{
		local before = is_orig ? c$flowtap$orig_bytes : c$flowtap$resp_bytes;
		if ( before >= undeclared_limit )
			return;
		if ( is_orig )
			c$flowtap$orig_bytes += |contents|;
		else
			c$flowtap$resp_bytes += |contents|;
		}
	local secret = is_orig && c$flowtap$secret;
	publish_data(c, is_orig, seq - 1, secret ? "" : contents, |contents|, "", vector());
	}

# The grammars stop at a gap; the engine's readers know where to go on. It is told behind what the grammars still say.
event FlowTap::gap(c: connection, is_orig: bool, start: count, length: count)
	{
	if ( ! c$flowtap$ended )
		check(Cluster::publish(event_topic, lost, next_head(c$uid), is_orig, start, length));
	}

event content_gap(c: connection, is_orig: bool, seq: count, length: count)
	{
	if ( ! c?$flowtap )
		return;
	if ( ! c$flowtap$unread )
		{
		if ( is_orig )
			c$flowtap$orig_gap = seq - 1;
		else
			c$flowtap$resp_gap = seq - 1;
		}
	c$flowtap$unread = T;
	event FlowTap::gap(c, is_orig, seq - 1, length);
	}

## True for an analyzer of ours.
function ours(tag: AllAnalyzers::Tag): bool
	{
	for ( protocol, analyzer in analyzers )
		if ( analyzer == tag )
			return T;
	return F;
	}

function give_up(c: connection)
	{
	if ( c?$flowtap )
		c$flowtap$unread = T;
	}

event analyzer_violation_info(tag: AllAnalyzers::Tag, info: AnalyzerViolationInfo)
	{
	if ( info?$c && ours(tag) )
		give_up(info$c);
	}

event analyzer_failed(ts: time, atype: AllAnalyzers::Tag, info: AnalyzerViolationInfo)
	{
	if ( info?$c && ours(atype) )
		give_up(info$c);
	}
