//! What must hold of every trace, whatever the options and the requests: the promises P-1 … P-12.
