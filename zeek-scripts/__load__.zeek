##! FlowTap's sensor for Zeek 8.x: what crosses the wire, for the enforcement engine, over Zeek's WebSocket API.
##! The grammars have to be compiled once: `spicyz -o flowtap.hlto spicy/*.spicy spicy/*.evt` (README.md).

@load ./main
@load ./conn
@load ./streams
