/** For an option that may be repeated. A `--no-…` before it has left false (or its default) there. */
export function collect(value: string, previous: unknown): string[] {
  return [...(Array.isArray(previous) ? (previous as string[]) : []), value];
}
