// The settings that a PostgreSQL session begins with. Enters: start-up parameters; leaves: names of settings.

/** Parameters of the start-up message that are no settings (PostgreSQL manual, "Message Formats", StartupMessage). */
const NO_SETTINGS: ReadonlySet<string> = new Set(['user', 'database', 'options']);

/**
 * Settings that change neither what a statement means nor what it may do. `client_encoding` is here since what it does to the
 * bytes of a statement is followed where they are read.
 */
const HARMLESS: ReadonlySet<string> = new Set([
  'application_name',
  'bytea_output',
  'client_encoding',
  'client_min_messages',
  'datestyle',
  'extra_float_digits',
  'fallback_application_name',
  'geqo',
  'idle_in_transaction_session_timeout',
  'idle_session_timeout',
  'intervalstyle',
  'jit',
  'lock_timeout',
  'statement_timeout',
  'tcp_keepalives_idle',
  'timezone',
  'transaction_timeout',
]);

/** True for a setting that needs no declaration. */
export function isHarmless(name: string): boolean {
  return HARMLESS.has(name);
}

/** Names of the settings, lower case; `options` is read as the server's command line is, and what cannot be read is its name. */
export function settingsOf(parameters: ReadonlyMap<string, string>): readonly string[] {
  const names: string[] = [];
  for (const [name, value] of parameters) {
    const lower = name.toLowerCase();
    // `_pq_.` is for options of the protocol itself.
    if (!NO_SETTINGS.has(lower) && !lower.startsWith('_pq_.')) names.push(lower);
    if (lower === 'options') names.push(...optionsOf(value));
  }
  return names;
}

/** `-c name=value`, `-cname=value` and `--name=value`, cut at white space that no backslash escapes. */
function optionsOf(text: string): string[] {
  const words = text.match(/(?:\\.|[^\s\\])+/g) ?? [];
  const names: string[] = [];
  for (let at = 0; at < words.length; at++) {
    let word = words[at] ?? '';
    if (word === '-c') word = `-c${words[++at] ?? ''}`;
    const name = /^(?:-c|--)([A-Za-z_][\w.-]*)=/.exec(word)?.[1];
    // The server takes `-` in such a name for `_`.
    names.push(name === undefined ? 'options' : name.toLowerCase().replaceAll('-', '_'));
  }
  return names;
}
