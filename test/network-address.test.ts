import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isLoopback, networkOf, networks } from "../src/network-address.ts";

describe("addresses of the network", () => {
  test("this machine's own are told from others, as they are set and as a connection shows them", () => {
    for (const host of ["127.0.0.1", "127.8.9.1", "::1", "[::1]", "localhost", "LocalHost", "::ffff:127.0.0.1"])
      assert.ok(isLoopback(host), host);
    for (const host of [
      "0.0.0.0",
      "::",
      "10.0.0.1",
      "example.org",
      "1270.0.0.1",
      "127.0.0.1.example.org",
      "",
      undefined,
    ])
      assert.ok(!isLoopback(host), host);
  });

  test("all of one IPv6 network count as one, and IPv4 in IPv6 as itself", () => {
    assert.equal(networkOf("2001:db8:0:7::1"), networkOf("2001:db8:0:7:ffff::2"));
    assert.notEqual(networkOf("2001:db8:0:7::1"), networkOf("2001:db8:0:8::1"));
    assert.equal(networkOf("::ffff:192.0.2.1"), "192.0.2.1");
    assert.equal(networkOf("fe80::1%eth0"), "fe80:0:0:0::/64");
    assert.equal(networkOf("::1"), "0:0:0:0::/64");
  });

  test("lists hold addresses and networks of both kinds", () => {
    const proxies = networks(["10.0.0.5", "192.168.0.0/16", "fd00::/8", "fe80::1"]);
    for (const address of [
      "10.0.0.5",
      "::ffff:10.0.0.5",
      "192.168.3.4",
      "::ffff:192.168.3.4",
      "fd12::1",
      "fe80::1%eth0",
    ])
      assert.ok(proxies(address), address);
    for (const address of ["10.0.0.6", "::ffff:10.0.0.6", "fe80::2%eth0", "2001:db8::1", "localhost", "", undefined])
      assert.ok(!proxies(address), address);
    assert.ok(!networks([])("127.0.0.1"));
  });
});
