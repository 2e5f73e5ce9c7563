//! Exact letter case of header names on the wire.
