import { after } from "node:test";
import { storeContract } from "../contracts/store.ts";
import { startPyftpdlib, startVsftpd, withoutPyftpdlib, withoutVsftpd } from "../fixtures/ftp-server.ts";
import { openFtp } from "./ftp-store.ts";

const skip = withoutVsftpd();
const skipMlsd = withoutPyftpdlib();
const plain = skip ? undefined : await startVsftpd();
const explicit = skip ? undefined : await startVsftpd("explicit");
const mlsd = skipMlsd ? undefined : await startPyftpdlib();
after(async () => {
  for (const server of [plain, explicit, mlsd]) await server?.[Symbol.asyncDispose]();
});

const traits = { tickMs: 1100, refuses: (key: string) => /[\r\n]/.test(key), failsWhenReplaced: true } as const;

storeContract("ftp (vsftpd, no TLS)", () => openFtp(plain!), { ...traits, skip });
storeContract("ftp (vsftpd, explicit TLS)", () => openFtp(explicit!), { ...traits, skip });
storeContract("ftp (pyftpdlib, MLSD)", () => openFtp(mlsd!), { ...traits, skip: skipMlsd });
