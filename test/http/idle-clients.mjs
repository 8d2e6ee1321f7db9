import { connect } from "node:net";

/* Opens so many connections, says how many are open and closed, and holds them until its parent is gone. */
const [port = 0, count = 0] = process.argv.slice(2).map(Number);
let open = 0;
let closed = 0;
const tell = () => process.send?.({ open, closed });
process.on("disconnect", () => process.exit());
for (let i = 0; i < count; i += 200) {
  const some = Array.from({ length: Math.min(200, count - i) }, () => Promise.withResolvers());
  for (const { resolve } of some) {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      open++;
      resolve(undefined);
    });
    socket.once("close", () => {
      closed++;
      resolve(undefined);
    });
    socket.on("error", () => {});
    socket.resume();
  }
  await Promise.all(some.map(({ promise }) => promise));
}
tell();
setInterval(tell, 100);
