/** Fields by name. */
export type Fields = Record<string, unknown>;

/** An entry of the journal, as a line of `--record`. */
export interface Entry extends Fields {
  seq: number;
  at: string;
  kind: string;
  event?: string;
  call?: string;
  callback?: number;
  status?: number;
  body?: string;
}

/** A callback that was handed to delivery. */
export interface Sent {
  callback: number;
  event: string;
  url: string;
  body: Fields;
  /** What is probably wrong with the fields that were given. */
  warnings?: string[];
}

export interface Wanted {
  callback?: string;
  request?: string;
  /** The number of a story, whose end is waited for. */
  story?: number;
  /** Values or matchers, such as `{ amount: { at_least: 100 } }`. */
  where?: Fields;
  times?: number;
  /** Real time: `"10s"`. */
  within?: string;
  since?: number;
  state?: "queued" | "tried" | "delivered" | "dead";
  refused?: boolean;
}

export interface Find {
  since?: number;
  limit?: number;
  direction?: "in" | "out";
  kind?: string;
  event?: string;
  endpoint?: string;
  status?: number;
  story?: string;
  callback?: number;
  conversation?: string;
  task?: string;
  text?: string;
  /** The latest matches: at most this many. */
  latest?: number;
  /** Whether each entry is complete by itself. */
  whole?: boolean;
}

/** A fault of requests (`call`) or of callbacks, with the keys of `[[faults]]` in files. */
export interface Fault extends Fields {
  call?: string;
  /** Default: every callback. */
  callback?: string;
  kind?: string;
  status?: number;
  times?: number;
}

export class MockError extends Error {
  status: number;
}

export class NotMet extends Error {
  answer: Fields;
}

declare class Control {
  readonly baseUrl: string;
  readonly controlToken?: string;
  request(method: string, path: string, fields?: Fields): Promise<Fields>;
  waitFor(wanted: Wanted): Promise<Entry[]>;
  assertNoMore(what: { since: number; callback?: string; request?: string }): Promise<void>;
  settle(how?: { within?: string; advance?: boolean; horizon?: string }): Promise<Fields>;
  emit(event: string, more?: { body?: Fields; conversation?: string }): Promise<Sent>;
  resend(callback: number, body?: unknown): Promise<Sent>;
  chat(wanted?: {
    number?: string;
    name?: string;
    channel_id?: string;
    app_key?: string;
    write?: string;
  }): Promise<string>;
  user(
    conversation: string,
    act:
      | { write: string }
      | { press: string }
      | { choose: string }
      | { send: "image" | "video" | "audio" | "file"; url?: string; name?: string }
      | { ask_for_agent: true }
      | { fall_silent: true }
      | { opt_out: true },
  ): Promise<Fields>;
  journal(filters?: Find): Promise<Entry[]>;
  last(): Promise<number>;
  state(): Promise<Fields>;
  clock(move?: { by?: string; to?: string; speed?: string; within?: string }): Promise<Fields>;
  addFault(fault: string | Fault): Promise<number>;
  removeFault(fault: number): Promise<Fields>;
  snapshot(name: string): Promise<{ name: string; at: string; inputs: number }>;
  restore(name: string): Promise<{ name: string; at: string; inputs: number }>;
  reset(): Promise<Fields>;
  exportState(snapshot?: string): Promise<Fields>;
  importState(state: Fields): Promise<Fields>;
}

export class Namespace extends Control {
  readonly name: string;
  readonly appKey: string;
  readonly appSecret: string;
  readonly signKey: string;
  readonly secret: string;
  readonly callbackUrl: string | null;
  remove(): Promise<Fields>;
}

export class Mock extends Control {
  /** Without a token, AIRUDDER_MOCK_CONTROL_TOKEN. */
  constructor(baseUrl: string, controlToken?: string);
  namespace(wanted?: {
    name?: string;
    callback_url?: string;
    secret?: string;
    seed?: number;
    speed?: string;
    epoch?: string;
  }): Promise<Namespace>;
  stop(): Promise<void>;
}

export function start(flags?: string[]): Promise<Mock>;
