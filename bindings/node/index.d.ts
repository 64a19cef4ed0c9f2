// SPDX-License-Identifier: Apache-2.0
export interface Members {
  name?: string; faults?: string; conditions?: string; seed?: number; port?: number; address?: string;
  user?: string; password?: string; names?: Record<string, string>; tls?: boolean | Record<string, string>;
  record?: string; match?: 'messages' | 'exact' | 'any'; keep_times?: boolean; messages?: string[]; subprotocols?: string[]; [member: string]: unknown;
}
export interface Event {
  number: number; time_ms: number; connection: number; step: string; text: string; bytes_in: number; bytes_out: number;
}
export interface Authority {
  pem: string; path: string; issue(hosts?: string, faults?: string): Promise<{ pem: string; keyPem: string }>;
}
export class LeatTestingError extends Error { status: number; field: string; reason: string; }
export class Server {
  name: string; kind: string; url: string; address: string; host: string; port: number;
  set(members: Partial<Members>): Promise<void>;
  remove(): Promise<void>;
  release(): Promise<void>;
  seen(): Promise<{ steps: Record<string, number>; [count: string]: unknown }>;
  events(): Promise<Event[]>;
  diagram(): Promise<string>;
  count(step: string): Promise<number>;
  log(): Promise<string>;
  wait(step: string, options?: { count?: number; timeout?: number }): Promise<boolean>;
  waitIdle(options?: { timeout?: number }): Promise<boolean>;
  assertStep(step: string, options?: { count?: number; text?: string; timeout?: number }): Promise<void>;
  assertNoStep(step: string): Promise<void>;
  assertSame(): Promise<void>;
  assertSteps(...steps: string[]): Promise<void>;
}
export class Control {
  static start(options?: { program?: string; pcapng?: string }): Promise<Control>;
  close(): Promise<void>;
  request(method: string, path: string, body?: unknown): Promise<any>;
  server(kind: string, members?: Members): Promise<Server>;
  socks5Proxy(members?: Members): Promise<Server>;
  connectProxy(members?: Members): Promise<Server>;
  wsServer(members?: Members): Promise<Server>;
  wssServer(members?: Members & { certificateFaults?: string }): Promise<Server>;
  relay(to: string, members?: Members): Promise<Server>;
  replay(file: string, members?: Members): Promise<Server>;
  dns(members?: Members): Promise<Server>;
  ca(): Promise<Authority>;
}
export function findProgram(): string;
export function leat(t: { after(fn: () => unknown): void }, options?: { program?: string; pcapng?: string }): Promise<Control>;
