#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""porting_rows.py SOURCE: script/porting-rows finds what the porting guide lacks, and nothing else; and the guide has a row for
each name of the sockets and WebSockets of HarmonyOS that this project has ever been told of (declarations.d.ts)."""

import pathlib
import subprocess
import sys
import tempfile

DECLARATIONS = """
/** A comment with interface Wrong { no: string; } in it. */
declare namespace socket {
  export import NetAddress = connection.NetAddress;
  export type X509CertRawData = cert.EncodingBlob;
  export type Nameless = {
    [key: string]: string;
  }
  export function constructTCPSocketInstance(): TCPSocket;
  export function constructNothing(): void; // a function without a row
  export interface TCPSocket {
    bind(address: NetAddress, callback: AsyncCallback<void>): void;
    bind(address: NetAddress): Promise<void>;
    on(type: 'message', callback: Callback<{ message: ArrayBuffer; remoteInfo: SocketRemoteInfo }>): void;
    on(type: 'eclipse', callback: Callback<void>): void;
    on(type: 'connect' | 'close' | 'comet', callback: Callback<void>): void;
    off(type: 'message', callback?: Callback<void>): void;
    keepAlive?: boolean;
    unheardOf?: number;
  }
  export enum ProxyTypes {
    NONE = 0,
    SOCKS5 = 1,
    CARRIER_PIGEON = 2
  }
  export interface Unheard {
  }
}
"""
MISSING = ["constructNothing", "Nameless", "TCPSocket.on('eclipse')", "TCPSocket.on('comet')",
           "TCPSocket.unheardOf", "ProxyTypes.CARRIER_PIGEON", "Unheard"]


def run(script, *files):
    return subprocess.run([script, *files], capture_output=True, text=True, check=False)


def main():
    source = pathlib.Path(sys.argv[1])
    script = source / "script/porting-rows"
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "x.d.ts")
        path.write_text(DECLARATIONS)
        done = run(script, path)
    expected = "".join(f"x.d.ts: {name}\n" for name in MISSING)
    if (done.returncode, done.stdout) != (1, expected):
        sys.exit(f"status {done.returncode}\n{done.stdout}{done.stderr}instead of\n{expected}")
    done = run(script, source / "tests/docs/declarations.d.ts")
    if done.returncode != 0:
        sys.exit(f"no row in docs/porting:\n{done.stdout}{done.stderr}")
    print("rows are found, and none is missing")


if __name__ == "__main__":
    main()
