/** Every path of a node, derived from its two directories: one place, so that nothing is left behind unknown. */
export class NodePaths {
  readonly state: string;
  readonly run: string;

  constructor(state: string, run: string) {
    this.state = state;
    this.run = run;
  }

  get database(): string {
    return `${this.state}/node.db`;
  }
  /** The node's own key. */
  get identity(): string {
    return `${this.state}/identity.pem`;
  }
  get images(): string {
    return `${this.state}/images`;
  }
  get slivers(): string {
    return `${this.state}/slivers`;
  }
  get flows(): string {
    return `${this.state}/flows`;
  }
  /** Device nodes of our own; here, since a run directory is seldom on a file system that allows any. */
  get devices(): string {
    return `${this.state}/devices`;
  }
  /** What lets people in by ssh: read by sshd as each slice's user, so everybody may. */
  get access(): string {
    return `${this.state}/access`;
  }
  sliverState(id: number): string {
    return `${this.slivers}/${id}`;
  }
  get adminSocket(): string {
    return `${this.run}/admin.sock`;
  }
  get lock(): string {
    return `${this.run}/lock`;
  }
  get sliverRuns(): string {
    return `${this.run}/slivers`;
  }
  /** What of one sliver lives as long as it runs: mount points, its bundle, its manager's folder. */
  sliverRun(id: number): string {
    return `${this.sliverRuns}/${id}`;
  }
  /** What the ssh front door records of each session. */
  get sessions(): string {
    return `${this.run}/sessions`;
  }
  /** crun's own state. */
  get crun(): string {
    return `${this.run}/crun`;
  }
}
