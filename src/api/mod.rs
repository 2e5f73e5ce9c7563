//! The REST side: HTTP in, typed call out, answer back.
