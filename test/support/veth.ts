// A wire between two network namespaces. Enters: names; leaves: arguments of ip(8).

/** Makes `port` in namespace `at`, whose other end is `eth0` in `namespace`. */
export function vethTo(at: string, port: string, namespace: string): string[] {
  return ['-n', at, 'link', 'add', port, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace];
}
