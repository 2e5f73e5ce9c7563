//! Drives the real program over real sockets.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod serving;
mod support;

mod audit;
mod begun;
mod bot;
mod chatbot;
mod clock;
mod commands;
mod control;
mod corrections;
mod custom;
mod data_dir;
mod desk;
mod dialer;
mod docs;
mod embedded;
mod faults;
mod hostile;
mod init;
mod integrations;
mod load;
mod markdown;
mod mcp;
mod openapi;
mod order;
mod origin;
mod output;
mod page;
mod phone;
mod readme;
mod receive;
mod recordings;
mod routes;
mod run_ci;
mod secrets;
mod serve_end;
mod serve_faults;
mod serve_life;
mod serve_start;
mod serve_wire;
mod serve_words;
mod signing;
mod steered;
mod stories;
mod strict;
mod tls;
mod walls;
mod why;
mod workflow;
