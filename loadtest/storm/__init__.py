"""The storm: more customers than can be served, in open loop, on ten thousand connections."""
