import { BlockList, isIP, isIPv6 } from "node:net";

const loopback = networks(["127.0.0.0/8", "::1"]);

/** Whether an address, or the name `localhost`, can be reached from this machine alone. */
export function isLoopback(host: string | undefined): boolean {
  const plain = (host ?? "").replace(/^\[(.*)\]$/, "$1");
  return plain.toLowerCase() === "localhost" || loopback(plain);
}

/** Whether an address is one of these, or in one of these networks (`10.0.0.0/8`). IPv4 mapped into IPv6 is that IPv4. */
export function networks(texts: readonly string[]): (address: string | undefined) => boolean {
  const list = new BlockList();
  for (const text of texts) {
    const [address = "", bits] = text.split("/");
    const family = isIPv6(address) ? "ipv6" : "ipv4";
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return (address = "") => isIP(address) > 0 && list.check(address, isIPv6(address) ? "ipv6" : "ipv4");
}

/** From whom something came: the address, or its /64, since whoever has one IPv6 address has all of its 64 bits. */
export function networkOf(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, "").replace(/%.*$/, "");
  if (!isIPv6(plain)) return plain;
  const [head = "", tail = ""] = plain.toLowerCase().split("::");
  const groups = (text: string) => (text === "" ? [] : text.split(":"));
  const missing = plain.includes("::") ? 8 - groups(head).length - groups(tail).length : 0;
  const whole = [...groups(head), ...Array.from({ length: missing }, () => "0"), ...groups(tail)];
  return `${whole
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(":")}::/64`;
}
