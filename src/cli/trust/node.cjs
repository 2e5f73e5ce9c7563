// Leads the connections of Node.js for the hosts that airudder-mock plays to its proxy. Older versions heed no https_proxy.
"use strict";
const net = require("node:net");
const { AIRUDDER_MOCK_PROXY, AIRUDDER_MOCK_PROXY_HOSTS, https_proxy } = process.env;
const proxy = new URL(AIRUDDER_MOCK_PROXY || https_proxy || "http://127.0.0.1:8081");
const hosts = new Set((AIRUDDER_MOCK_PROXY_HOSTS || "api.airudder.com,detection.airudder.com").split(","));
const there = { host: proxy.hostname.replace(/^\[|\]$/g, ""), port: Number(proxy.port || 80) };
const connect = net.Socket.prototype.connect;

net.Socket.prototype.connect = function (...args) {
  const [options, callback] = Array.isArray(args[0]) ? args[0] : args;
  if (!hosts.has(options?.host?.toLowerCase?.())) return connect.apply(this, args);
  return connect.call(this, { ...options, ...there }, callback);
};
