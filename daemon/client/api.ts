/** Made by scripts/openapi of docs/openapi.json. */
export interface paths {
  "/v1/holdings": {
    /** Who holds what, by records, leases and loans, and what is left */
    get: {
      responses: {
        /** @description Default Response */
        200: {
          content: {
            "application/json": {
              resources: ({
                  /** @enum {unknown} */
                  key: "disk.bytes" | "net.up.min" | "net.down.min" | "cpu.max" | "memory.max";
                  /** @description All that can be promised; none: it has no bound. */
                  of?: number;
                  /** @description By the records of slivers. */
                  slivers: number;
                  /** @description By leases, now. */
                  leased: number;
                  /** @description By leases, at most at once from now on. */
                  leasedLater: number;
                  /** @description For who asks now. */
                  left?: number;
                })[];
              slivers: ({
                  name: string;
                  own: {
                    [key: string]: number | "max";
                  };
                  leased: {
                    /** @description Cores. */
                    "cpu.max"?: number;
                    "cpu.weight"?: number;
                    /** @description Whole cores, for nobody else meanwhile. */
                    "cpu.cores"?: number;
                    /**
                     * @description The whole node: all others are frozen meanwhile.
                     * @enum {number}
                     */
                    node?: 1;
                    "memory.max"?: number;
                    "pids.max"?: number;
                    "io.weight"?: number;
                    "disk.bytes"?: number;
                    "disk.inodes"?: number;
                    "net.up.min"?: number;
                    "net.up.max"?: number;
                    "net.down.min"?: number;
                    "net.down.max"?: number;
                    "net.weight"?: number;
                    "net.connections"?: number;
                    "net.up.day.bytes"?: number;
                    "net.down.day.bytes"?: number;
                  };
                  borrowed: {
                    /** @description Cores. */
                    "cpu.max"?: number;
                    "cpu.weight"?: number;
                    /** @description Whole cores, for nobody else meanwhile. */
                    "cpu.cores"?: number;
                    /**
                     * @description The whole node: all others are frozen meanwhile.
                     * @enum {number}
                     */
                    node?: 1;
                    "memory.max"?: number;
                    "pids.max"?: number;
                    "io.weight"?: number;
                    "disk.bytes"?: number;
                    "disk.inodes"?: number;
                    "net.up.min"?: number;
                    "net.up.max"?: number;
                    "net.down.min"?: number;
                    "net.down.max"?: number;
                    "net.weight"?: number;
                    "net.connections"?: number;
                    "net.up.day.bytes"?: number;
                    "net.down.day.bytes"?: number;
                  };
                  lent: {
                    /** @description Cores. */
                    "cpu.max"?: number;
                    "cpu.weight"?: number;
                    /** @description Whole cores, for nobody else meanwhile. */
                    "cpu.cores"?: number;
                    /**
                     * @description The whole node: all others are frozen meanwhile.
                     * @enum {number}
                     */
                    node?: 1;
                    "memory.max"?: number;
                    "pids.max"?: number;
                    "io.weight"?: number;
                    "disk.bytes"?: number;
                    "disk.inodes"?: number;
                    "net.up.min"?: number;
                    "net.up.max"?: number;
                    "net.down.min"?: number;
                    "net.down.max"?: number;
                    "net.weight"?: number;
                    "net.connections"?: number;
                    "net.up.day.bytes"?: number;
                    "net.down.day.bytes"?: number;
                  };
                })[];
            };
          };
        };
        /** @description What went wrong (docs/errors.md) */
        default: {
          content: {
            "application/problem+json": components["schemas"]["Problem"];
          };
        };
      };
    };
  };
  "/v1/node": {
    /** The node: identity, capacity, what is degraded */
    get: {
      responses: {
        /** @description Default Response */
        200: {
          content: {
            "application/json": {
              name: string;
              version: string;
              pid?: number;
              key: {
                public: {
                  /** @enum {string} */
                  kty: "OKP";
                  /** @enum {string} */
                  crv: "Ed25519";
                  x: string;
                };
                /** @description By which tickets name the node (RFC 7638). */
                thumbprint: string;
              };
              /**
               * Format: date-time
               * @description Since when the daemon serves (RFC 3339, UTC).
               */
              startedAt: string;
              degraded: {
                  what: string;
                  why: string;
                  cost: string;
                }[];
              /** @description How many in each state. */
              slivers?: {
                [key: string]: number;
              };
              environments: string[];
              stateDirectory?: string;
              cgroup?: string;
              capacity: {
                cpus: number;
                memoryBytes: number;
                /** @description For the disks of all slivers together. */
                diskBytes: number;
                /** @description Of it, what the file system has left for them now. */
                diskFreeBytes: number;
              };
              /** @description What the node's owner says of the ends of slivers; max: no bound. */
              expiry: {
                /** @description From now, that an authority may have a sliver last. */
                days: number | "max";
                /** @description Of the node's running, that it is kept past its end. */
                graceDays: number | "max";
              };
              access: {
                port: number;
                hostKeys: {
                    type: string;
                    fingerprint: string;
                    /** @description What follows the node's name in its DNS zone. */
                    sshfp: string;
                  }[];
                /** @description Who is refused for a while, having connected again and again without a login. */
                held?: {
                    /** @description An address, or an IPv6 network of 64 bits. */
                    source: string;
                    /** @description Its connections that were refused since it is held. */
                    refused: number;
                    /** @description For how long it still is. */
                    seconds: number;
                  }[];
              } | null;
            };
          };
        };
        /** @description What went wrong (docs/errors.md) */
        default: {
          content: {
            "application/problem+json": components["schemas"]["Problem"];
          };
        };
      };
    };
  };
  "/v1/node/doctor": {
    /** Tries what a node needs from its kernel and host */
    get: {
      responses: {
        /** @description Default Response */
        200: {
          content: {
            "application/json": {
              findings: ({
                  /** @description Stable. */
                  id: string;
                  what: string;
                  /** @description What the node uses it for. */
                  for: string;
                  /** @enum {unknown} */
                  severity: "required" | "degraded";
                  /** @description What doesn't hold without it. */
                  cost: string;
                  /** @description How to get it. */
                  mend: string;
                  ok: boolean;
                  /** @description What was seen, or why it failed. */
                  detail: string;
                })[];
            };
          };
        };
        /** @description What went wrong (docs/errors.md) */
        default: {
          content: {
            "application/problem+json": components["schemas"]["Problem"];
          };
        };
      };
    };
  };
  "/v1/node/down": {
    /** Stops all slivers, undoes everything in the kernel, and ends the daemon. Records and disks stay. */
    post: {
      responses: {
        /** @description Default Response */
        200: {
          content: {
            "application/json": {
              stopped: number;
            };
          };
        };
        /** @description What went wrong (docs/errors.md) */
        default: {
          content: {
            "application/problem+json": components["schemas"]["Problem"];
          };
        };
      };
    };
  };
  "/v1/images": {
    /** All images */
    get: {
      responses: {
        /** @description Default Response */
        200: {
          content: {
            "application/json": {
              items: {
                  name: string;
                  /** @description sha256 of the uncompressed archive. */
                  digest: string;
                  bytes: number;
                  files: number;
                  /** @description Where it came from. */
                  source: string;
                  /**
                   * Format: date-time
                   * @description When it was made (RFC 3339, UTC).
                   */
                  createdAt: string;
                  /** @description Slivers made from it. */
                  usedBy: string[];
                }[];
            };
          };
        };
        /** @description What went wrong (docs/errors.md) */
        default: {
          content: {
            "application/problem+json": components["schemas"]["Problem"];
          };
        };
      };
    };
    /** Makes an image; waits until it is there, or answers 202 at once (Prefer: respond-async) */
    post: {
      requestBody: {
        content: {
          "application/json": {
            /** @description As in debian-12. */
            name: string;
            source: {
              build: string;
            } | {
              path: string;
            } | {
              docker: string;
            };
          };
        };
      };
      responses: {
        /** @description Default Response */
        201: {
          content: {
            "application/json": {
              name: string;
              /** @description sha256 of the uncompressed archive. */
              digest: string;
              bytes: number;
              files: number;
              /** @description Where it came from. */
              source: string;
              /**
               * Format: date-time
               * @description When it was made (RFC 3339, UTC).
               */
              createdAt: string;
              /** @description Slivers made from it. */
              usedBy: string[];
            };
          };
        };
        /** @description Default Response */
        202: {
          content: {
            "application/json": {
              name: string;
            };
          };
        };
        /** @description What went wrong (docs/errors.md) */
        default: {
          content: {
            "application/problem+json": components["schemas"]["Problem"];
          };
        };
      };
    };
  };
  "/v1/images/{name}": {
    /** One image */
    get: {
      parameters: {
        path: {
          name: string;
        };
      };
      responses: {
        /** @description Default Response */
        200: {
          content: {
            "application/json": {
              name: string;
              /** @description sha256 of the uncompressed archive. */
              digest: string;
              bytes: number;
              files: number;
              /** @description Where it came from. */
              source: string;
              /**
               * Format: date-time
               * @description When it was made (RFC 3339, UTC).
               */
              createdAt: string;
              /** @description Slivers made from it. */
              usedBy: string[];
            };
          };
        };
        /** @description What went wrong (docs/errors.md) */
        default: {
          content: {
            "application/problem+json": components["schemas"]["Problem"];
          };
        };
      };
    };
    /** Deletes an image that no sliver uses */
    delete: {
      parameters: {
        path: {
          name: string;
        };
      };
      responses: {
        /** @description It is gone. */
        204: {
          content: never;
        };
        /** @description What went wrong (docs/errors.md) */
        default: {
          content: {
            "application/problem+json": components["schemas"]["Problem"];
          };
        };
      };
    };
  };
  "/v1/slivers": {
    /** All slivers, by name, in pages */
    get: {
      parameters: {
        query?: {
          /** @description At most so many (1 to 9999). */
          limit?: string;
          /** @description Those whose name comes after this one. */
          after?: string;
        };
      };
      responses: {
        /** @description Default Response */
        200: {
          content: {
            "application/json": {
              items: ({
                  name: string;
                  id: number;
                  environment: string;
                  image: {
                    name: string;
                    digest: string;
                  };
                  profile: string;
                  /** @description The resources of a sliver. */
                  rspec: {
                    /** @description Share of the CPU under contention; 100 is usual. */
                    "cpu.weight": number;
                    /** @description Most CPU time, in cores (0.5 is half of one). */
                    "cpu.max": number | "max";
                    /** @description Cores it may run on, as 0-1,3; empty: all. */
                    "cpuset.cpus": string;
                    /** @description Bytes past which it is slowed and reclaimed from. */
                    "memory.high": number | "max";
                    /** @description Bytes past which its processes are killed. */
                    "memory.max": number | "max";
                    /** @description Bytes of swap. */
                    "memory.swap.max": number | "max";
                    /** @description Processes and threads at once. */
                    "pids.max": number | "max";
                    /** @description Share of the disk under contention; 100 is usual. */
                    "io.weight": number;
                    /** @description Bytes read from its disk, per second. */
                    "io.rbps": number | "max";
                    /** @description Bytes written to its disk, per second. */
                    "io.wbps": number | "max";
                    /** @description Read operations per second. */
                    "io.riops": number | "max";
                    /** @description Write operations per second. */
                    "io.wiops": number | "max";
                    /** @description Bytes its own files may take, beside the image. */
                    "disk.bytes": number;
                    /** @description Files and directories of its own. */
                    "disk.inodes": number;
                    /** @description Bits per second to the world that it gets whatever others send. */
                    "net.up.min": number;
                    /** @description Most bits per second to the world. */
                    "net.up.max": number | "max";
                    /** @description Bits per second from the world that it gets whatever others receive. */
                    "net.down.min": number;
                    /** @description Most bits per second from the world. */
                    "net.down.max": number | "max";
                    /** @description Share of what minimum rates leave, under contention; 100 is usual. */
                    "net.weight": number;
                    /** @description Most bits per second to the owner's exempt destinations. */
                    "net.exempt.up.max": number | "max";
                    /** @description Most bits per second from the owner's exempt destinations. */
                    "net.exempt.down.max": number | "max";
                    /** @description Most connections at once, from it and to it; max: 8192. */
                    "net.connections": number | "max";
                    /** @description Addresses in the world that it may begin to send to in a minute. */
                    "net.destinations.minute": number | "max";
                    /** @description Bytes to the world in a day (UTC), exempt destinations apart. */
                    "net.up.day.bytes": number | "max";
                    /** @description Bytes of these past which its rate falls, so that the rest lasts. */
                    "net.up.day.threshold": number | "max";
                    /** @description Bytes from the world in a day (UTC), exempt destinations apart. */
                    "net.down.day.bytes": number | "max";
                    /** @description Bytes of these past which its rate falls, so that the rest lasts. */
                    "net.down.day.threshold": number | "max";
                  };
                  keys: string[];
                  initscript: string | null;
                  /**
                   * Format: date-time
                   * @description When it was created (RFC 3339, UTC).
                   */
                  createdAt: string;
                  expiresAt: string | null;
                  deletedAfterSeconds: number | null;
                  /** @description running, stopped, frozen or deleted. */
                  desired: string;
                  /**
                   * @description Effective state.
                   * @enum {unknown}
                   */
                  state: "running" | "frozen" | "stopped" | "expired" | "starting" | "stopping" | "failed" | "deleting";
                  /**
                   * Format: date-time
                   * @description Since when it is in this state (RFC 3339, UTC).
                   */
                  since: string;
                  doing: string | null;
                  pid: number | null;
                  /** @description What it may do by its manager's socket, as it was given. */
                  roles: {
                      role: string;
                      slices?: string[];
                      share?: {
                        [key: string]: number;
                      };
                    }[];
                  authority: string | null;
                  /** @description By which the world reaches it: the shared one, and its own of IPv6 where it has one. */
                  addresses: string[];
                  cause: ({
                    /** @description The step that failed, as in start/run. */
                    step: string;
                    /** @description Why, outermost first. */
                    reason: string;
                    /**
                     * Format: date-time
                     * @description When it first failed (RFC 3339, UTC).
                     */
                    since: string;
                    /** @description Failures in a row. */
                    attempts: number;
                    retryAt: string | null;
                  }) | null;
                })[];
              next: string | null;
            };
          };
        };
        /** @description What went wrong (docs/errors.md) */
        default: {
          content: {
            "application/problem+json": components["schemas"]["Problem"];
          };
        };
      };
    };
    /** Creates a sliver; waits until it is as desired, or answers 202 at once (Prefer: respond-async) */
    post: {
      requestBody: {
        content: {
          "application/json": {
            name: string;
            image?: string;
            environment?: string;
            profile?: string;
            rspec?: {
              /** @description Share of the CPU under contention; 100 is usual. */
              "cpu.weight"?: number;
              /** @description Most CPU time, in cores (0.5 is half of one). */
              "cpu.max"?: number | "max";
              /** @description Cores it may run on, as 0-1,3; empty: all. */
              "cpuset.cpus"?: string;
              /** @description Bytes past which it is slowed and reclaimed from. */
              "memory.high"?: number | "max";
              /** @description Bytes past which its processes are killed. */
              "memory.max"?: number | "max";
              /** @description Bytes of swap. */
              "memory.swap.max"?: number | "max";
              /** @description Processes and threads at once. */
              "pids.max"?: number | "max";
              /** @description Share of the disk under contention; 100 is usual. */
              "io.weight"?: number;
              /** @description Bytes read from its disk, per second. */
              "io.rbps"?: number | "max";
              /** @description Bytes written to its disk, per second. */
              "io.wbps"?: number | "max";
              /** @description Read operations per second. */
              "io.riops"?: number | "max";
              /** @description Write operations per second. */
              "io.wiops"?: number | "max";
              /** @description Bytes its own files may take, beside the image. */
              "disk.bytes"?: number;
              /** @description Files and directories of its own. */
              "disk.inodes"?: number;
              /** @description Bits per second to the world that it gets whatever others send. */
              "net.up.min"?: number;
              /** @description Most bits per second to the world. */
              "net.up.max"?: number | "max";
              /** @description Bits per second from the world that it gets whatever others receive. */
              "net.down.min"?: number;
              /** @description Most bits per second from the world. */
              "net.down.max"?: number | "max";
              /** @description Share of what minimum rates leave, under contention; 100 is usual. */
              "net.weight"?: number;
              /** @description Most bits per second to the owner's exempt destinations. */
              "net.exempt.up.max"?: number | "max";
              /** @description Most bits per second from the owner's exempt destinations. */
              "net.exempt.down.max"?: number | "max";
              /** @description Most connections at once, from it and to it; max: 8192. */
              "net.connections"?: number | "max";
              /** @description Addresses in the world that it may begin to send to in a minute. */
              "net.destinations.minute"?: number | "max";
              /** @description Bytes to the world in a day (UTC), exempt destinations apart. */
              "net.up.day.bytes"?: number | "max";
              /** @description Bytes of these past which its rate falls, so that the rest lasts. */
              "net.up.day.threshold"?: number | "max";
              /** @description Bytes from the world in a day (UTC), exempt destinations apart. */
              "net.down.day.bytes"?: number | "max";
              /** @description Bytes of these past which its rate falls, so that the rest lasts. */
              "net.down.day.threshold"?: number | "max";
            };
            /** @description Lines of authorized_keys, at most 1000 of them keys; blank ones and comments are left out. */
            keys?: string[];
            initscript?: string | null;
            expiresAt?: string | null;
            desired?: "running" | "stopped";
            roles?: ({
                /** @enum {string} */
                role: "authority";
                /** @description Which slices. */
                slices: string[];
                /** @description What those slivers may have together, in the units of the RSpec. */
                share?: {
                  /** @description How many. */
                  slivers?: number;
                  "cpu.max"?: number;
                  "memory.max"?: number;
                  "disk.bytes"?: number;
                  "net.up.min"?: number;
                  "net.down.min"?: number;
                };
              } | {
                /** @enum {string} */
                role: "control";
                /** @description Which slices. */
                slices: string[];
              } | {
                /** @enum {string} */
                role: "broker";
                /** @description Which slices. */
                slices: string[];
                share: {
                  /** @description Cores. */
                  "cpu.max"?: number;
                  "cpu.weight"?: number;
                  /** @description Whole cores, for nobody else meanwhile. */
                  "cpu.cores"?: number;
                  /**
                   * @description The whole node: all others are frozen meanwhile.
                   * @enum {number}
                   */
                  node?: 1;
                  "memory.max"?: number;
                  "pids.max"?: number;
                  "io.weight"?: number;
                  "disk.bytes"?: number;
                  "disk.inodes"?: number;
                  "net.up.min"?: number;
                  "net.up.max"?: number;
                  "net.down.min"?: number;
                  "net.down.max"?: number;
                  "net.weight"?: number;
                  "net.connections"?: number;
                  "net.up.day.bytes"?: number;
                  "net.down.day.bytes"?: number;
                };
              } | {
                /** @enum {string} */
                role: "flows";
              })[];
            authority?: string | null;
          };
        };
      };
      responses: {
        /** @description Default Response */
        201: {
          content: {
            "application/json": {
              name: string;
              id: number;
              environment: string;
              image: {
                name: string;
                digest: string;
              };
              profile: string;
              /** @description The resources of a sliver. */
              rspec: {
                /** @description Share of the CPU under contention; 100 is usual. */
                "cpu.weight": number;
                /** @description Most CPU time, in cores (0.5 is half of one). */
                "cpu.max": number | "max";
                /** @description Cores it may run on, as 0-1,3; empty: all. */
                "cpuset.cpus": string;
                /** @description Bytes past which it is slowed and reclaimed from. */
                "memory.high": number | "max";
                /** @description Bytes past which its processes are killed. */
                "memory.max": number | "max";
                /** @description Bytes of swap. */
                "memory.swap.max": number | "max";
                /** @description Processes and threads at once. */
                "pids.max": number | "max";
                /** @description Share of the disk under contention; 100 is usual. */
                "io.weight": number;
                /** @description Bytes read from its disk, per second. */
                "io.rbps": number | "max";
                /** @description Bytes written to its disk, per second. */
                "io.wbps": number | "max";
                /** @description Read operations per second. */
                "io.riops": number | "max";
                /** @description Write operations per second. */
                "io.wiops": number | "max";
                /** @description Bytes its own files may take, beside the image. */
                "disk.bytes": number;
                /** @description Files and directories of its own. */
                "disk.inodes": number;
                /** @description Bits per second to the world that it gets whatever others send. */
                "net.up.min": number;
                /** @description Most bits per second to the world. */
                "net.up.max": number | "max";
                /** @description Bits per second from the world that it gets whatever others receive. */
                "net.down.min": number;
                /** @description Most bits per second from the world. */
                "net.down.max": number | "max";
                /** @description Share of what minimum rates leave, under contention; 100 is usual. */
                "net.weight": number;
                /** @description Most bits per second to the owner's exempt destinations. */
                "net.exempt.up.max": number | "max";
                /** @description Most bits per second from the owner's exempt destinations. */
                "net.exempt.down.max": number | "max";
                /** @description Most connections at once, from it and to it; max: 8192. */
                "net.connections": number | "max";
                /** @description Addresses in the world that it may begin to send to in a minute. */
                "net.destinations.minute": number | "max";
                /** @description Bytes to the world in a day (UTC), exempt destinations apart. */
                "net.up.day.bytes": number | "max";
                /** @description Bytes of these past which its rate falls, so that the rest lasts. */
                "net.up.day.threshold": number | "max";
                /** @description Bytes from the world in a day (UTC), exempt destinations apart. */
                "net.down.day.bytes": number | "max";
                /** @description Bytes of these past which its rate falls, so that the rest lasts. */
                "net.down.day.threshold": number | "max";
              };
              keys: string[];
              initscript: string | null;
              /**
               * Format: date-time
               * @description When it was created (RFC 3339, UTC).
               */
              createdAt: string;
              expiresAt: string | null;
              deletedAfterSeconds: number | null;
              /** @description running, stopped, frozen or deleted. */
              desired: string;
              /**
               * @description Effective state.
               * @enum {unknown}
               */
              state: "running" | "frozen" | "stopped" | "expired" | "starting" | "stopping" | "failed" | "deleting";
              /**
               * Format: date-time
               * @description Since when it is in this state (RFC 3339, UTC).
               */
              since: string;
              doing: string | null;
              pid: number | null;
              /** @description What it may do by its manager's socket, as it was given. */
              roles: {
                  role: string;
                  slices?: string[];
                  share?: {
                    [key: string]: number;
                  };
                }[];
              authority: string | null;
              /** @description By which the world reaches it: the shared one, and its own of IPv6 where it has one. */
              addresses: string[];
              cause: ({
                /** @description The step that failed, as in start/run. */
                step: string;
                /** @description Why, outermost first. */
                reason: string;
                /**
                 * Format: date-time
                 * @description When it first failed (RFC 3339, UTC).
                 */
                since: string;
                /** @description Failures in a row. */
                attempts: number;
                retryAt: string | null;
              }) | null;
            };
          };
        };
        /** @description Default Response */
        202: {
          content: {
            "application/json": {
              name: string;
              id: number;
              environment: string;
              image: {
                name: string;
                digest: string;
              };
              profile: string;
              /** @description The resources of a sliver. */
              rspec: {
                /** @description Share of the CPU under contention; 100 is usual. */
                "cpu.weight": number;
                /** @description Most CPU time, in cores (0.5 is half of one). */
                "cpu.max": number | "max";
                /** @description Cores it may run on, as 0-1,3; empty: all. */
                "cpuset.cpus": string;
                /** @description Bytes past which it is slowed and reclaimed from. */
                "memory.high": number | "max";
                /** @description Bytes past which its processes are killed. */
                "memory.max": number | "max";
                /** @description Bytes of swap. */
                "memory.swap.max": number | "max";
                /** @description Processes and threads at once. */
                "pids.max": number | "max";
                /** @description Share of the disk under contention; 100 is usual. */
                "io.weight": number;
                /** @description Bytes read from its disk, per second. */
                "io.rbps": number | "max";
                /** @description Bytes written to its disk, per second. */
                "io.wbps": number | "max";
                /** @description Read operations per second. */
                "io.riops": number | "max";
                /** @description Write operations per second. */
                "io.wiops": number | "max";
                /** @description Bytes its own files may take, beside the image. */
                "disk.bytes": number;
                /** @description Files and directories of its own. */
                "disk.inodes": number;
                /** @description Bits per second to the world that it gets whatever others send. */
                "net.up.min": number;
                /** @description Most bits per second to the world. */
                "net.up.max": number | "max";
                /** @description Bits per second from the world that it gets whatever others receive. */
                "net.down.min": number;
                /** @description Most bits per second from the world. */
                "net.down.max": number | "max";
                /** @description Share of what minimum rates leave, under contention; 100 is usual. */
                "net.weight": number;
                /** @description Most bits per second to the owner's exempt destinations. */
                "net.exempt.up.max": number | "max";
                /** @description Most bits per second from the owner's exempt destinations. */
                "net.exempt.down.max": number | "max";
                /** @description Most connections at once, from it and to it; max: 8192. */
                "net.connections": number | "max";
                /** @description Addresses in the world that it may begin to send to in a minute. */
                "net.destinations.minute": number | "max";
                /** @description Bytes to the world in a day (UTC), exempt destinations apart. */
                "net.up.day.bytes": number | "max";
                /** @description Bytes of these past which its rate falls, so that the rest lasts. */
                "net.up.day.threshold": number | "max";
                /** @description Bytes from the world in a day (UTC), exempt destinations apart. */
                "net.down.day.bytes": number | "max";
                /** @description Bytes of these past which its rate falls, so that the rest lasts. */
                "net.down.day.threshold": number | "max";
              };
              keys: string[];
              initscript: string | null;
              /**
               * Format: date-time
               * @description When it was created (RFC 3339, UTC).
               */
              createdAt: string;
              expiresAt: string | null;
              deletedAfterSeconds: number | null;
              /** @description running, stopped, frozen or deleted. */
              desired: string;
              /**
               * @description Effective state.
               * @enum {unknown}
               */
              state: "running" | "frozen" | "stopped" | "expired" | "starting" | "stopping" | "failed" | "deleting";
              /**
               * Format: date-time
               * @description Since when it is in this state (RFC 3339, UTC).
               */
              since: string;
              doing: string | null;
              pid: number | null;
              /** @description What it may do by its manager's socket, as it was given. */
              roles: {
                  role: string;
                  slices?: string[];
                  share?: {
                    [key: string]: number;
                  };
                }[];
              authority: string | null;
              /** @description By which the world reaches it: the shared one, and its own of IPv6 where it has one. */
              addresses: string[];
              cause: ({
                /** @description The step that failed, as in start/run. */
                step: string;
                /** @description Why, outermost first. */
                reason: string;
                /**
                 * Format: date-time
                 * @description When it first failed (RFC 3339, UTC).
                 */
                since: string;
                /** @description Failures in a row. */
                attempts: number;
                retryAt: string | null;
              }) | null;
            };
          };
        };
        /** @description What went wrong (docs/errors.md) */
        default: {
          content: {
            "application/problem+json": components["schemas"]["Problem"];
          };
        };
      };
    };
  };
  "/v1/slivers/{name}": {
    /** One sliver, with its effective state and the cause of it */
    get: {
      parameters: {
        path: {
          name: string;
        };
      };
      responses: {
        /** @description Default Response */
        200: {
          content: {
            "application/json": {
              name: string;
              id: number;
              environment: string;
              image: {
                name: string;
                digest: string;
              };
              profile: string;
              /** @description The resources of a sliver. */
              rspec: {
                /** @description Share of the CPU under contention; 100 is usual. */
                "cpu.weight": number;
                /** @description Most CPU time, in cores (0.5 is half of one). */
                "cpu.max": number | "max";
                /** @description Cores it may run on, as 0-1,3; empty: all. */
                "cpuset.cpus": string;
                /** @description Bytes past which it is slowed and reclaimed from. */
                "memory.high": number | "max";
                /** @description Bytes past which its processes are killed. */
                "memory.max": number | "max";
                /** @description Bytes of swap. */
                "memory.swap.max": number | "max";
                /** @description Processes and threads at once. */
                "pids.max": number | "max";
                /** @description Share of the disk under contention; 100 is usual. */
                "io.weight": number;
                /** @description Bytes read from its disk, per second. */
                "io.rbps": number | "max";
                /** @description Bytes written to its disk, per second. */
                "io.wbps": number | "max";
                /** @description Read operations per second. */
                "io.riops": number | "max";
                /** @description Write operations per second. */
                "io.wiops": number | "max";
                /** @description Bytes its own files may take, beside the image. */
                "disk.bytes": number;
                /** @description Files and directories of its own. */
                "disk.inodes": number;
                /** @description Bits per second to the world that it gets whatever others send. */
                "net.up.min": number;
                /** @description Most bits per second to the world. */
                "net.up.max": number | "max";
                /** @description Bits per second from the world that it gets whatever others receive. */
                "net.down.min": number;
                /** @description Most bits per second from the world. */
                "net.down.max": number | "max";
                /** @description Share of what minimum rates leave, under contention; 100 is usual. */
                "net.weight": number;
                /** @description Most bits per second to the owner's exempt destinations. */
                "net.exempt.up.max": number | "max";
                /** @description Most bits per second from the owner's exempt destinations. */
                "net.exempt.down.max": number | "max";
                /** @description Most connections at once, from it and to it; max: 8192. */
                "net.connections": number | "max";
                /** @description Addresses in the world that it may begin to send to in a minute. */
                "net.destinations.minute": number | "max";
                /** @description Bytes to the world in a day (UTC), exempt destinations apart. */
                "net.up.day.bytes": number | "max";
                /** @description Bytes of these past which its rate falls, so that the rest lasts. */
                "net.up.day.threshold": number | "max";
                /** @description Bytes from the world in a day (UTC), exempt destinations apart. */
                "net.down.day.bytes": number | "max";
                /** @description Bytes of these past which its rate falls, so that the rest lasts. */
                "net.down.day.threshold": number | "max";
              };
              keys: string[];
              initscript: string | null;
              /**
               * Format: date-time
               * @description When it was created (RFC 3339, UTC).
               */
              createdAt: string;
              expiresAt: string | null;
              deletedAfterSeconds: number | null;
              /** @description running, stopped, frozen or deleted. */
              desired: string;
              /**
               * @description Effective state.
               * @enum {unknown}
               */
              state: "running" | "frozen" | "stopped" | "expired" | "starting" | "stopping" | "failed" | "deleting";
              /**
               * Format: date-time
               * @description Since when it is in this state (RFC 3339, UTC).
               */
              since: string;
              doing: string | null;
              pid: number | null;
              /** @description What it may do by its manager's socket, as it was given. */
              roles: {
                  role: string;
                  slices?: string[];
                  share?: {
                    [key: string]: number;
                  };
                }[];
              authority: string | null;
              /** @description By which the world reaches it: the shared one, and its own of IPv6 where it has one. */
              addresses: string[];
              cause: ({
                /** @description The step that failed, as in start/run. */
                step: string;
                /** @description Why, outermost first. */
                reason: string;
                /**
                 * Format: date-time
                 * @description When it first failed (RFC 3339, UTC).
                 */
                since: string;
                /** @description Failures in a row. */
                attempts: number;
                retryAt: string | null;
              }) | null;
            };
          };
        };
        /** @description What went wrong (docs/errors.md) */
        default: {
          content: {
            "application/problem+json": components["schemas"]["Problem"];
          };
        };
      };
    };
    /** Deletes a sliver and its disk */
    delete: {
      parameters: {
        path: {
          name: string;
        };
      };
      responses: {
        /** @description It will be gone. */
        202: {
          content: never;
        };
        /** @description It is gone. */
        204: {
          content: never;
        };
        /** @description What went wrong (docs/errors.md) */
        default: {
          content: {
            "application/problem+json": components["schemas"]["Problem"];
          };
        };
      };
    };
    /** Changes a sliver; limits take effect without a restart */
    patch: {
      parameters: {
        path: {
          name: string;
        };
      };
      requestBody: {
        content: {
          "application/json": {
            rspec?: {
              /** @description Share of the CPU under contention; 100 is usual. */
              "cpu.weight"?: number;
              /** @description Most CPU time, in cores (0.5 is half of one). */
              "cpu.max"?: number | "max";
              /** @description Cores it may run on, as 0-1,3; empty: all. */
              "cpuset.cpus"?: string;
              /** @description Bytes past which it is slowed and reclaimed from. */
              "memory.high"?: number | "max";
              /** @description Bytes past which its processes are killed. */
              "memory.max"?: number | "max";
              /** @description Bytes of swap. */
              "memory.swap.max"?: number | "max";
              /** @description Processes and threads at once. */
              "pids.max"?: number | "max";
              /** @description Share of the disk under contention; 100 is usual. */
              "io.weight"?: number;
              /** @description Bytes read from its disk, per second. */
              "io.rbps"?: number | "max";
              /** @description Bytes written to its disk, per second. */
              "io.wbps"?: number | "max";
              /** @description Read operations per second. */
              "io.riops"?: number | "max";
              /** @description Write operations per second. */
              "io.wiops"?: number | "max";
              /** @description Bytes its own files may take, beside the image. */
              "disk.bytes"?: number;
              /** @description Files and directories of its own. */
              "disk.inodes"?: number;
              /** @description Bits per second to the world that it gets whatever others send. */
              "net.up.min"?: number;
              /** @description Most bits per second to the world. */
              "net.up.max"?: number | "max";
              /** @description Bits per second from the world that it gets whatever others receive. */
              "net.down.min"?: number;
              /** @description Most bits per second from the world. */
              "net.down.max"?: number | "max";
              /** @description Share of what minimum rates leave, under contention; 100 is usual. */
              "net.weight"?: number;
              /** @description Most bits per second to the owner's exempt destinations. */
              "net.exempt.up.max"?: number | "max";
              /** @description Most bits per second from the owner's exempt destinations. */
              "net.exempt.down.max"?: number | "max";
              /** @description Most connections at once, from it and to it; max: 8192. */
              "net.connections"?: number | "max";
              /** @description Addresses in the world that it may begin to send to in a minute. */
              "net.destinations.minute"?: number | "max";
              /** @description Bytes to the world in a day (UTC), exempt destinations apart. */
              "net.up.day.bytes"?: number | "max";
              /** @description Bytes of these past which its rate falls, so that the rest lasts. */
              "net.up.day.threshold"?: number | "max";
              /** @description Bytes from the world in a day (UTC), exempt destinations apart. */
              "net.down.day.bytes"?: number | "max";
              /** @description Bytes of these past which its rate falls, so that the rest lasts. */
              "net.down.day.threshold"?: number | "max";
            };
            /** @description Lines of authorized_keys, at most 1000 of them keys; blank ones and comments are left out. */
            keys?: string[];
            initscript?: string | null;
            expiresAt?: string | null;
            profile?: string;
            roles?: ({
                /** @enum {string} */
                role: "authority";
                /** @description Which slices. */
                slices: string[];
                /** @description What those slivers may have together, in the units of the RSpec. */
                share?: {
                  /** @description How many. */
                  slivers?: number;
                  "cpu.max"?: number;
                  "memory.max"?: number;
                  "disk.bytes"?: number;
                  "net.up.min"?: number;
                  "net.down.min"?: number;
                };
              } | {
                /** @enum {string} */
                role: "control";
                /** @description Which slices. */
                slices: string[];
              } | {
                /** @enum {string} */
                role: "broker";
                /** @description Which slices. */
                slices: string[];
                share: {
                  /** @description Cores. */
                  "cpu.max"?: number;
                  "cpu.weight"?: number;
                  /** @description Whole cores, for nobody else meanwhile. */
                  "cpu.cores"?: number;
                  /**
                   * @description The whole node: all others are frozen meanwhile.
                   * @enum {number}
                   */
                  node?: 1;
                  "memory.max"?: number;
                  "pids.max"?: number;
                  "io.weight"?: number;
                  "disk.bytes"?: number;
                  "disk.inodes"?: number;
                  "net.up.min"?: number;
                  "net.up.max"?: number;
                  "net.down.min"?: number;
                  "net.down.max"?: number;
                  "net.weight"?: number;
                  "net.connections"?: number;
                  "net.up.day.bytes"?: number;
                  "net.down.day.bytes"?: number;
                };
              } | {
                /** @enum {string} */
                role: "flows";
              })[];
            authority?: string | null;
          };
        };
      };
      responses: {
        /** @description Default Response */
        200: {
          content: {
            "application/json": {
              name: string;
              id: number;
              environment: string;
              image: {
                name: string;
                digest: string;
              };
              profile: string;
              /** @description The resources of a sliver. */
              rspec: {
                /** @description Share of the CPU under contention; 100 is usual. */
                "cpu.weight": number;
                /** @description Most CPU time, in cores (0.5 is half of one). */
                "cpu.max": number | "max";
                /** @description Cores it may run on, as 0-1,3; empty: all. */
                "cpuset.cpus": string;
                /** @description Bytes past which it is slowed and reclaimed from. */
                "memory.high": number | "max";
                /** @description Bytes past which its processes are killed. */
                "memory.max": number | "max";
                /** @description Bytes of swap. */
                "memory.swap.max": number | "max";
                /** @description Processes and threads at once. */
                "pids.max": number | "max";
                /** @description Share of the disk under contention; 100 is usual. */
                "io.weight": number;
                /** @description Bytes read from its disk, per second. */
                "io.rbps": number | "max";
                /** @description Bytes written to its disk, per second. */
                "io.wbps": number | "max";
                /** @description Read operations per second. */
                "io.riops": number | "max";
                /** @description Write operations per second. */
                "io.wiops": number | "max";
                /** @description Bytes its own files may take, beside the image. */
                "disk.bytes": number;
                /** @description Files and directories of its own. */
                "disk.inodes": number;
                /** @description Bits per second to the world that it gets whatever others send. */
                "net.up.min": number;
                /** @description Most bits per second to the world. */
                "net.up.max": number | "max";
                /** @description Bits per second from the world that it gets whatever others receive. */
                "net.down.min": number;
                /** @description Most bits per second from the world. */
                "net.down.max": number | "max";
                /** @description Share of what minimum rates leave, under contention; 100 is usual. */
                "net.weight": number;
                /** @description Most bits per second to the owner's exempt destinations. */
                "net.exempt.up.max": number | "max";
                /** @description Most bits per second from the owner's exempt destinations. */
                "net.exempt.down.max": number | "max";
                /** @description Most connections at once, from it and to it; max: 8192. */
                "net.connections": number | "max";
                /** @description Addresses in the world that it may begin to send to in a minute. */
                "net.destinations.minute": number | "max";
                /** @description Bytes to the world in a day (UTC), exempt destinations apart. */
                "net.up.day.bytes": number | "max";
                /** @description Bytes of these past which its rate falls, so that the rest lasts. */
                "net.up.day.threshold": number | "max";
                /** @description Bytes from the world in a day (UTC), exempt destinations apart. */
                "net.down.day.bytes": number | "max";
                /** @description Bytes of these past which its rate falls, so that the rest lasts. */
                "net.down.day.threshold": number | "max";
              };
              keys: string[];
              initscript: string | null;
              /**
               * Format: date-time
               * @description When it was created (RFC 3339, UTC).
               */
              createdAt: string;
              expiresAt: string | null;
              deletedAfterSeconds: number | null;
              /** @description running, stopped, frozen or deleted. */
              desired: string;
              /**
               * @description Effective state.
               * @enum {unknown}
               */
              state: "running" | "frozen" | "stopped" | "expired" | "starting" | "stopping" | "failed" | "deleting";
              /**
               * Format: date-time
               * @description Since when it is in this state (RFC 3339, UTC).
               */
              since: string;
              doing: string | null;
              pid: number | null;
              /** @description What it may do by its manager's socket, as it was given. */
              roles: {
                  role: string;
                  slices?: string[];
                  share?: {
                    [key: string]: number;
                  };
                }[];
              authority: string | null;
              /** @description By which the world reaches it: the shared one, and its own of IPv6 where it has one. */
              addresses: string[];
              cause: ({
                /** @description The step that failed, as in start/run. */
                step: string;
                /** @description Why, outermost first. */
                reason: string;
                /**
                 * Format: date-time
                 * @description When it first failed (RFC 3339, UTC).
                 */
                since: string;
                /** @description Failures in a row. */
                attempts: number;
                retryAt: string | null;
              }) | null;
            };
          };
        };
        /** @description Default Response */
        202: {
          content: {
            "application/json": {
              name: string;
              id: number;
              environment: string;
              image: {
                name: string;
                digest: string;
              };
              profile: string;
              /** @description The resources of a sliver. */
              rspec: {
                /** @description Share of the CPU under contention; 100 is usual. */
                "cpu.weight": number;
                /** @description Most CPU time, in cores (0.5 is half of one). */
                "cpu.max": number | "max";
                /** @description Cores it may run on, as 0-1,3; empty: all. */
                "cpuset.cpus": string;
                /** @description Bytes past which it is slowed and reclaimed from. */
                "memory.high": number | "max";
                /** @description Bytes past which its processes are killed. */
                "memory.max": number | "max";
                /** @description Bytes of swap. */
                "memory.swap.max": number | "max";
                /** @description Processes and threads at once. */
                "pids.max": number | "max";
                /** @description Share of the disk under contention; 100 is usual. */
                "io.weight": number;
                /** @description Bytes read from its disk, per second. */
                "io.rbps": number | "max";
                /** @description Bytes written to its disk, per second. */
                "io.wbps": number | "max";
                /** @description Read operations per second. */
                "io.riops": number | "max";
                /** @description Write operations per second. */
                "io.wiops": number | "max";
                /** @description Bytes its own files may take, beside the image. */
                "disk.bytes": number;
                /** @description Files and directories of its own. */
                "disk.inodes": number;
                /** @description Bits per second to the world that it gets whatever others send. */
                "net.up.min": number;
                /** @description Most bits per second to the world. */
                "net.up.max": number | "max";
                /** @description Bits per second from the world that it gets whatever others receive. */
                "net.down.min": number;
                /** @description Most bits per second from the world. */
                "net.down.max": number | "max";
                /** @description Share of what minimum rates leave, under contention; 100 is usual. */
                "net.weight": number;
                /** @description Most bits per second to the owner's exempt destinations. */
                "net.exempt.up.max": number | "max";
                /** @description Most bits per second from the owner's exempt destinations. */
                "net.exempt.down.max": number | "max";
                /** @description Most connections at once, from it and to it; max: 8192. */
                "net.connections": number | "max";
                /** @description Addresses in the world that it may begin to send to in a minute. */
                "net.destinations.minute": number | "max";
                /** @description Bytes to the world in a day (UTC), exempt destinations apart. */
                "net.up.day.bytes": number | "max";
                /** @description Bytes of these past which its rate falls, so that the rest lasts. */
                "net.up.day.threshold": number | "max";
                /** @description Bytes from the world in a day (UTC), exempt destinations apart. */
                "net.down.day.bytes": number | "max";
                /** @description Bytes of these past which its rate falls, so that the rest lasts. */
                "net.down.day.threshold": number | "max";
              };
              keys: string[];
              initscript: string | null;
              /**
               * Format: date-time
               * @description When it was created (RFC 3339, UTC).
               */
              createdAt: string;
              expiresAt: string | null;
              deletedAfterSeconds: number | null;
              /** @description running, stopped, frozen or deleted. */
              desired: string;
              /**
               * @description Effective state.
               * @enum {unknown}
               */
              state: "running" | "frozen" | "stopped" | "expired" | "starting" | "stopping" | "failed" | "deleting";
              /**
               * Format: date-time
               * @description Since when it is in this state (RFC 3339, UTC).
               */
              since: string;
              doing: string | null;
              pid: number | null;
              /** @description What it may do by its manager's socket, as it was given. */
              roles: {
                  role: string;
                  slices?: string[];
                  share?: {
                    [key: string]: number;
                  };
                }[];
              authority: string | null;
              /** @description By which the world reaches it: the shared one, and its own of IPv6 where it has one. */
              addresses: string[];
              cause: ({
                /** @description The step that failed, as in start/run. */
                step: string;
                /** @description Why, outermost first. */
                reason: string;
                /**
                 * Format: date-time
                 * @description When it first failed (RFC 3339, UTC).
                 */
                since: string;
                /** @description Failures in a row. */
                attempts: number;
                retryAt: string | null;
              }) | null;
            };
          };
        };
        /** @description What went wrong (docs/errors.md) */
        default: {
          content: {
            "application/problem+json": components["schemas"]["Problem"];
          };
        };
      };
    };
  };
  "/v1/slivers/{name}/start": {
    /** Starts it; a running one is left alone, a frozen one thawed */
    post: {
      parameters: {
        path: {
          name: string;
        };
      };
      responses: {
        /** @description Default Response */
        200: {
          content: {
            "application/json": {
              name: string;
              id: number;
              environment: string;
              image: {
                name: string;
                digest: string;
              };
              profile: string;
              /** @description The resources of a sliver. */
              rspec: {
                /** @description Share of the CPU under contention; 100 is usual. */
                "cpu.weight": number;
                /** @description Most CPU time, in cores (0.5 is half of one). */
                "cpu.max": number | "max";
                /** @description Cores it may run on, as 0-1,3; empty: all. */
                "cpuset.cpus": string;
                /** @description Bytes past which it is slowed and reclaimed from. */
                "memory.high": number | "max";
                /** @description Bytes past which its processes are killed. */
                "memory.max": number | "max";
                /** @description Bytes of swap. */
                "memory.swap.max": number | "max";
                /** @description Processes and threads at once. */
                "pids.max": number | "max";
                /** @description Share of the disk under contention; 100 is usual. */
                "io.weight": number;
                /** @description Bytes read from its disk, per second. */
                "io.rbps": number | "max";
                /** @description Bytes written to its disk, per second. */
                "io.wbps": number | "max";
                /** @description Read operations per second. */
                "io.riops": number | "max";
                /** @description Write operations per second. */
                "io.wiops": number | "max";
                /** @description Bytes its own files may take, beside the image. */
                "disk.bytes": number;
                /** @description Files and directories of its own. */
                "disk.inodes": number;
                /** @description Bits per second to the world that it gets whatever others send. */
                "net.up.min": number;
                /** @description Most bits per second to the world. */
                "net.up.max": number | "max";
                /** @description Bits per second from the world that it gets whatever others receive. */
                "net.down.min": number;
                /** @description Most bits per second from the world. */
                "net.down.max": number | "max";
                /** @description Share of what minimum rates leave, under contention; 100 is usual. */
                "net.weight": number;
                /** @description Most bits per second to the owner's exempt destinations. */
                "net.exempt.up.max": number | "max";
                /** @description Most bits per second from the owner's exempt destinations. */
                "net.exempt.down.max": number | "max";
                /** @description Most connections at once, from it and to it; max: 8192. */
                "net.connections": number | "max";
                /** @description Addresses in the world that it may begin to send to in a minute. */
                "net.destinations.minute": number | "max";
                /** @description Bytes to the world in a day (UTC), exempt destinations apart. */
                "net.up.day.bytes": number | "max";
                /** @description Bytes of these past which its rate falls, so that the rest lasts. */
                "net.up.day.threshold": number | "max";
                /** @description Bytes from the world in a day (UTC), exempt destinations apart. */
                "net.down.day.bytes": number | "max";
                /** @description Bytes of these past which its rate falls, so that the rest lasts. */
                "net.down.day.threshold": number | "max";
              };
              keys: string[];
              initscript: string | null;
              /**
               * Format: date-time
               * @description When it was created (RFC 3339, UTC).
               */
              createdAt: string;
              expiresAt: string | null;
              deletedAfterSeconds: number | null;
              /** @description running, stopped, frozen or deleted. */
              desired: string;
              /**
               * @description Effective state.
               * @enum {unknown}
               */
              state: "running" | "frozen" | "stopped" | "expired" | "starting" | "stopping" | "failed" | "deleting";
              /**
               * Format: date-time
               * @description Since when it is in this state (RFC 3339, UTC).
               */
              since: string;
              doing: string | null;
              pid: number | null;
              /** @description What it may do by its manager's socket, as it was given. */
              roles: {
                  role: string;
                  slices?: string[];
                  share?: {
                    [key: string]: number;
                  };
                }[];
              authority: string | null;
              /** @description By which the world reaches it: the shared one, and its own of IPv6 where it has one. */
              addresses: string[];
              cause: ({
                /** @description The step that failed, as in start/run. */
                step: string;
                /** @description Why, outermost first. */
                reason: string;
                /**
                 * Format: date-time
                 * @description When it first failed (RFC 3339, UTC).
                 */
                since: string;
                /** @description Failures in a row. */
                attempts: number;
                retryAt: string | null;
              }) | null;
            };
          };
        };
        /** @description Default Response */
        202: {
          content: {
            "application/json": {
              name: string;
              id: number;
              environment: string;
              image: {
                name: string;
                digest: string;
              };
              profile: string;
              /** @description The resources of a sliver. */
              rspec: {
                /** @description Share of the CPU under contention; 100 is usual. */
                "cpu.weight": number;
                /** @description Most CPU time, in cores (0.5 is half of one). */
                "cpu.max": number | "max";
                /** @description Cores it may run on, as 0-1,3; empty: all. */
                "cpuset.cpus": string;
                /** @description Bytes past which it is slowed and reclaimed from. */
                "memory.high": number | "max";
                /** @description Bytes past which its processes are killed. */
                "memory.max": number | "max";
                /** @description Bytes of swap. */
                "memory.swap.max": number | "max";
                /** @description Processes and threads at once. */
                "pids.max": number | "max";
                /** @description Share of the disk under contention; 100 is usual. */
                "io.weight": number;
                /** @description Bytes read from its disk, per second. */
                "io.rbps": number | "max";
                /** @description Bytes written to its disk, per second. */
                "io.wbps": number | "max";
                /** @description Read operations per second. */
                "io.riops": number | "max";
                /** @description Write operations per second. */
                "io.wiops": number | "max";
                /** @description Bytes its own files may take, beside the image. */
                "disk.bytes": number;
                /** @description Files and directories of its own. */
                "disk.inodes": number;
                /** @description Bits per second to the world that it gets whatever others send. */
                "net.up.min": number;
                /** @description Most bits per second to the world. */
                "net.up.max": number | "max";
                /** @description Bits per second from the world that it gets whatever others receive. */
                "net.down.min": number;
                /** @description Most bits per second from the world. */
                "net.down.max": number | "max";
                /** @description Share of what minimum rates leave, under contention; 100 is usual. */
                "net.weight": number;
                /** @description Most bits per second to the owner's exempt destinations. */
                "net.exempt.up.max": number | "max";
                /** @description Most bits per second from the owner's exempt destinations. */
                "net.exempt.down.max": number | "max";
                /** @description Most connections at once, from it and to it; max: 8192. */
                "net.connections": number | "max";
                /** @description Addresses in the world that it may begin to send to in a minute. */
                "net.destinations.minute": number | "max";
                /** @description Bytes to the world in a day (UTC), exempt destinations apart. */
                "net.up.day.bytes": number | "max";
                /** @description Bytes of these past which its rate falls, so that the rest lasts. */
                "net.up.day.threshold": number | "max";
                /** @description Bytes from the world in a day (UTC), exempt destinations apart. */
                "net.down.day.bytes": number | "max";
                /** @description Bytes of these past which its rate falls, so that the rest lasts. */
                "net.down.day.threshold": number | "max";
              };
              keys: string[];
              initscript: string | null;
              /**
               * Format: date-time
               * @description When it was created (RFC 3339, UTC).
               */
              createdAt: string;
              expiresAt: string | null;
              deletedAfterSeconds: number | null;
              /** @description running, stopped, frozen or deleted. */
              desired: string;
              /**
               * @description Effective state.
               * @enum {unknown}
               */
              state: "running" | "frozen" | "stopped" | "expired" | "starting" | "stopping" | "failed" | "deleting";
              /**
               * Format: date-time
               * @description Since when it is in this state (RFC 3339, UTC).
               */
              since: string;
              doing: string | null;
              pid: number | null;
              /** @description What it may do by its manager's socket, as it was given. */
              roles: {
                  role: string;
                  slices?: string[];
                  share?: {
                    [key: string]: number;
                  };
                }[];
              authority: string | null;
              /** @description By which the world reaches it: the shared one, and its own of IPv6 where it has one. */
              addresses: string[];
              cause: ({
                /** @description The step that failed, as in start/run. */
                step: string;
                /** @description Why, outermost first. */
                reason: string;
                /**
                 * Format: date-time
                 * @description When it first failed (RFC 3339, UTC).
                 */
                since: string;
                /** @description Failures in a row. */
                attempts: number;
                retryAt: string | null;
              }) | null;
            };
          };
        };
        /** @description What went wrong (docs/errors.md) */
        default: {
          content: {
            "application/problem+json": components["schemas"]["Problem"];
          };
        };
      };
    };
  };
  "/v1/slivers/{name}/stop": {
    /** Stops it: its processes are asked to end, then killed. Its disk stays. */
    post: {
      parameters: {
        path: {
          name: string;
        };
      };
      responses: {
        /** @description Default Response */
        200: {
          content: {
            "application/json": {
              name: string;
              id: number;
              environment: string;
              image: {
                name: string;
                digest: string;
              };
              profile: string;
              /** @description The resources of a sliver. */
              rspec: {
                /** @description Share of the CPU under contention; 100 is usual. */
                "cpu.weight": number;
                /** @description Most CPU time, in cores (0.5 is half of one). */
                "cpu.max": number | "max";
                /** @description Cores it may run on, as 0-1,3; empty: all. */
                "cpuset.cpus": string;
                /** @description Bytes past which it is slowed and reclaimed from. */
                "memory.high": number | "max";
                /** @description Bytes past which its processes are killed. */
                "memory.max": number | "max";
                /** @description Bytes of swap. */
                "memory.swap.max": number | "max";
                /** @description Processes and threads at once. */
                "pids.max": number | "max";
                /** @description Share of the disk under contention; 100 is usual. */
                "io.weight": number;
                /** @description Bytes read from its disk, per second. */
                "io.rbps": number | "max";
                /** @description Bytes written to its disk, per second. */
                "io.wbps": number | "max";
                /** @description Read operations per second. */
                "io.riops": number | "max";
                /** @description Write operations per second. */
                "io.wiops": number | "max";
                /** @description Bytes its own files may take, beside the image. */
                "disk.bytes": number;
                /** @description Files and directories of its own. */
                "disk.inodes": number;
                /** @description Bits per second to the world that it gets whatever others send. */
                "net.up.min": number;
                /** @description Most bits per second to the world. */
                "net.up.max": number | "max";
                /** @description Bits per second from the world that it gets whatever others receive. */
                "net.down.min": number;
                /** @description Most bits per second from the world. */
                "net.down.max": number | "max";
                /** @description Share of what minimum rates leave, under contention; 100 is usual. */
                "net.weight": number;
                /** @description Most bits per second to the owner's exempt destinations. */
                "net.exempt.up.max": number | "max";
                /** @description Most bits per second from the owner's exempt destinations. */
                "net.exempt.down.max": number | "max";
                /** @description Most connections at once, from it and to it; max: 8192. */
                "net.connections": number | "max";
                /** @description Addresses in the world that it may begin to send to in a minute. */
                "net.destinations.minute": number | "max";
                /** @description Bytes to the world in a day (UTC), exempt destinations apart. */
                "net.up.day.bytes": number | "max";
                /** @description Bytes of these past which its rate falls, so that the rest lasts. */
                "net.up.day.threshold": number | "max";
                /** @description Bytes from the world in a day (UTC), exempt destinations apart. */
                "net.down.day.bytes": number | "max";
                /** @description Bytes of these past which its rate falls, so that the rest lasts. */
                "net.down.day.threshold": number | "max";
              };
              keys: string[];
              initscript: string | null;
              /**
               * Format: date-time
               * @description When it was created (RFC 3339, UTC).
               */
              createdAt: string;
              expiresAt: string | null;
              deletedAfterSeconds: number | null;
              /** @description running, stopped, frozen or deleted. */
              desired: string;
              /**
               * @description Effective state.
               * @enum {unknown}
               */
              state: "running" | "frozen" | "stopped" | "expired" | "starting" | "stopping" | "failed" | "deleting";
              /**
               * Format: date-time
               * @description Since when it is in this state (RFC 3339, UTC).
               */
              since: string;
              doing: string | null;
              pid: number | null;
              /** @description What it may do by its manager's socket, as it was given. */
              roles: {
                  role: string;
                  slices?: string[];
                  share?: {
                    [key: string]: number;
                  };
                }[];
              authority: string | null;
              /** @description By which the world reaches it: the shared one, and its own of IPv6 where it has one. */
              addresses: string[];
              cause: ({
                /** @description The step that failed, as in start/run. */
                step: string;
                /** @description Why, outermost first. */
                reason: string;
                /**
                 * Format: date-time
                 * @description When it first failed (RFC 3339, UTC).
                 */
                since: string;
                /** @description Failures in a row. */
                attempts: number;
                retryAt: string | null;
              }) | null;
            };
          };
        };
        /** @description Default Response */
        202: {
          content: {
            "application/json": {
              name: string;
              id: number;
              environment: string;
              image: {
                name: string;
                digest: string;
              };
              profile: string;
              /** @description The resources of a sliver. */
              rspec: {
                /** @description Share of the CPU under contention; 100 is usual. */
                "cpu.weight": number;
                /** @description Most CPU time, in cores (0.5 is half of one). */
                "cpu.max": number | "max";
                /** @description Cores it may run on, as 0-1,3; empty: all. */
                "cpuset.cpus": string;
                /** @description Bytes past which it is slowed and reclaimed from. */
                "memory.high": number | "max";
                /** @description Bytes past which its processes are killed. */
                "memory.max": number | "max";
                /** @description Bytes of swap. */
                "memory.swap.max": number | "max";
                /** @description Processes and threads at once. */
                "pids.max": number | "max";
                /** @description Share of the disk under contention; 100 is usual. */
                "io.weight": number;
                /** @description Bytes read from its disk, per second. */
                "io.rbps": number | "max";
                /** @description Bytes written to its disk, per second. */
                "io.wbps": number | "max";
                /** @description Read operations per second. */
                "io.riops": number | "max";
                /** @description Write operations per second. */
                "io.wiops": number | "max";
                /** @description Bytes its own files may take, beside the image. */
                "disk.bytes": number;
                /** @description Files and directories of its own. */
                "disk.inodes": number;
                /** @description Bits per second to the world that it gets whatever others send. */
                "net.up.min": number;
                /** @description Most bits per second to the world. */
                "net.up.max": number | "max";
                /** @description Bits per second from the world that it gets whatever others receive. */
                "net.down.min": number;
                /** @description Most bits per second from the world. */
                "net.down.max": number | "max";
                /** @description Share of what minimum rates leave, under contention; 100 is usual. */
                "net.weight": number;
                /** @description Most bits per second to the owner's exempt destinations. */
                "net.exempt.up.max": number | "max";
                /** @description Most bits per second from the owner's exempt destinations. */
                "net.exempt.down.max": number | "max";
                /** @description Most connections at once, from it and to it; max: 8192. */
                "net.connections": number | "max";
                /** @description Addresses in the world that it may begin to send to in a minute. */
                "net.destinations.minute": number | "max";
                /** @description Bytes to the world in a day (UTC), exempt destinations apart. */
                "net.up.day.bytes": number | "max";
                /** @description Bytes of these past which its rate falls, so that the rest lasts. */
                "net.up.day.threshold": number | "max";
                /** @description Bytes from the world in a day (UTC), exempt destinations apart. */
                "net.down.day.bytes": number | "max";
                /** @description Bytes of these past which its rate falls, so that the rest lasts. */
                "net.down.day.threshold": number | "max";
              };
              keys: string[];
              initscript: string | null;
              /**
               * Format: date-time
               * @description When it was created (RFC 3339, UTC).
               */
              createdAt: string;
              expiresAt: string | null;
              deletedAfterSeconds: number | null;
              /** @description running, stopped, frozen or deleted. */
              desired: string;
              /**
               * @description Effective state.
               * @enum {unknown}
               */
              state: "running" | "frozen" | "stopped" | "expired" | "starting" | "stopping" | "failed" | "deleting";
              /**
               * Format: date-time
               * @description Since when it is in this state (RFC 3339, UTC).
               */
              since: string;
              doing: string | null;
              pid: number | null;
              /** @description What it may do by its manager's socket, as it was given. */
              roles: {
                  role: string;
                  slices?: string[];
                  share?: {
                    [key: string]: number;
                  };
                }[];
              authority: string | null;
              /** @description By which the world reaches it: the shared one, and its own of IPv6 where it has one. */
              addresses: string[];
              cause: ({
                /** @description The step that failed, as in start/run. */
                step: string;
                /** @description Why, outermost first. */
                reason: string;
                /**
                 * Format: date-time
                 * @description When it first failed (RFC 3339, UTC).
                 */
                since: string;
                /** @description Failures in a row. */
                attempts: number;
                retryAt: string | null;
              }) | null;
            };
          };
        };
        /** @description What went wrong (docs/errors.md) */
        default: {
          content: {
            "application/problem+json": components["schemas"]["Problem"];
          };
        };
      };
    };
  };
  "/v1/slivers/{name}/restart": {
    /** Stops and starts it */
    post: {
      parameters: {
        path: {
          name: string;
        };
      };
      responses: {
        /** @description Default Response */
        200: {
          content: {
            "application/json": {
              name: string;
              id: number;
              environment: string;
              image: {
                name: string;
                digest: string;
              };
              profile: string;
              /** @description The resources of a sliver. */
              rspec: {
                /** @description Share of the CPU under contention; 100 is usual. */
                "cpu.weight": number;
                /** @description Most CPU time, in cores (0.5 is half of one). */
                "cpu.max": number | "max";
                /** @description Cores it may run on, as 0-1,3; empty: all. */
                "cpuset.cpus": string;
                /** @description Bytes past which it is slowed and reclaimed from. */
                "memory.high": number | "max";
                /** @description Bytes past which its processes are killed. */
                "memory.max": number | "max";
                /** @description Bytes of swap. */
                "memory.swap.max": number | "max";
                /** @description Processes and threads at once. */
                "pids.max": number | "max";
                /** @description Share of the disk under contention; 100 is usual. */
                "io.weight": number;
                /** @description Bytes read from its disk, per second. */
                "io.rbps": number | "max";
                /** @description Bytes written to its disk, per second. */
                "io.wbps": number | "max";
                /** @description Read operations per second. */
                "io.riops": number | "max";
                /** @description Write operations per second. */
                "io.wiops": number | "max";
                /** @description Bytes its own files may take, beside the image. */
                "disk.bytes": number;
                /** @description Files and directories of its own. */
                "disk.inodes": number;
                /** @description Bits per second to the world that it gets whatever others send. */
                "net.up.min": number;
                /** @description Most bits per second to the world. */
                "net.up.max": number | "max";
                /** @description Bits per second from the world that it gets whatever others receive. */
                "net.down.min": number;
                /** @description Most bits per second from the world. */
                "net.down.max": number | "max";
                /** @description Share of what minimum rates leave, under contention; 100 is usual. */
                "net.weight": number;
                /** @description Most bits per second to the owner's exempt destinations. */
                "net.exempt.up.max": number | "max";
                /** @description Most bits per second from the owner's exempt destinations. */
                "net.exempt.down.max": number | "max";
                /** @description Most connections at once, from it and to it; max: 8192. */
                "net.connections": number | "max";
                /** @description Addresses in the world that it may begin to send to in a minute. */
                "net.destinations.minute": number | "max";
                /** @description Bytes to the world in a day (UTC), exempt destinations apart. */
                "net.up.day.bytes": number | "max";
                /** @description Bytes of these past which its rate falls, so that the rest lasts. */
                "net.up.day.threshold": number | "max";
                /** @description Bytes from the world in a day (UTC), exempt destinations apart. */
                "net.down.day.bytes": number | "max";
                /** @description Bytes of these past which its rate falls, so that the rest lasts. */
                "net.down.day.threshold": number | "max";
              };
              keys: string[];
              initscript: string | null;
              /**
               * Format: date-time
               * @description When it was created (RFC 3339, UTC).
               */
              createdAt: string;
              expiresAt: string | null;
              deletedAfterSeconds: number | null;
              /** @description running, stopped, frozen or deleted. */
              desired: string;
              /**
               * @description Effective state.
               * @enum {unknown}
               */
              state: "running" | "frozen" | "stopped" | "expired" | "starting" | "stopping" | "failed" | "deleting";
              /**
               * Format: date-time
               * @description Since when it is in this state (RFC 3339, UTC).
               */
              since: string;
              doing: string | null;
              pid: number | null;
              /** @description What it may do by its manager's socket, as it was given. */
              roles: {
                  role: string;
                  slices?: string[];
                  share?: {
                    [key: string]: number;
                  };
                }[];
              authority: string | null;
              /** @description By which the world reaches it: the shared one, and its own of IPv6 where it has one. */
              addresses: string[];
              cause: ({
                /** @description The step that failed, as in start/run. */
                step: string;
                /** @description Why, outermost first. */
                reason: string;
                /**
                 * Format: date-time
                 * @description When it first failed (RFC 3339, UTC).
                 */
                since: string;
                /** @description Failures in a row. */
                attempts: number;
                retryAt: string | null;
              }) | null;
            };
          };
        };
        /** @description Default Response */
        202: {
          content: {
            "application/json": {
              name: string;
              id: number;
              environment: string;
              image: {
                name: string;
                digest: string;
              };
              profile: string;
              /** @description The resources of a sliver. */
              rspec: {
                /** @description Share of the CPU under contention; 100 is usual. */
                "cpu.weight": number;
                /** @description Most CPU time, in cores (0.5 is half of one). */
                "cpu.max": number | "max";
                /** @description Cores it may run on, as 0-1,3; empty: all. */
                "cpuset.cpus": string;
                /** @description Bytes past which it is slowed and reclaimed from. */
                "memory.high": number | "max";
                /** @description Bytes past which its processes are killed. */
                "memory.max": number | "max";
                /** @description Bytes of swap. */
                "memory.swap.max": number | "max";
                /** @description Processes and threads at once. */
                "pids.max": number | "max";
                /** @description Share of the disk under contention; 100 is usual. */
                "io.weight": number;
                /** @description Bytes read from its disk, per second. */
                "io.rbps": number | "max";
                /** @description Bytes written to its disk, per second. */
                "io.wbps": number | "max";
                /** @description Read operations per second. */
                "io.riops": number | "max";
                /** @description Write operations per second. */
                "io.wiops": number | "max";
                /** @description Bytes its own files may take, beside the image. */
                "disk.bytes": number;
                /** @description Files and directories of its own. */
                "disk.inodes": number;
                /** @description Bits per second to the world that it gets whatever others send. */
                "net.up.min": number;
                /** @description Most bits per second to the world. */
                "net.up.max": number | "max";
                /** @description Bits per second from the world that it gets whatever others receive. */
                "net.down.min": number;
                /** @description Most bits per second from the world. */
                "net.down.max": number | "max";
                /** @description Share of what minimum rates leave, under contention; 100 is usual. */
                "net.weight": number;
                /** @description Most bits per second to the owner's exempt destinations. */
                "net.exempt.up.max": number | "max";
                /** @description Most bits per second from the owner's exempt destinations. */
                "net.exempt.down.max": number | "max";
                /** @description Most connections at once, from it and to it; max: 8192. */
                "net.connections": number | "max";
                /** @description Addresses in the world that it may begin to send to in a minute. */
                "net.destinations.minute": number | "max";
                /** @description Bytes to the world in a day (UTC), exempt destinations apart. */
                "net.up.day.bytes": number | "max";
                /** @description Bytes of these past which its rate falls, so that the rest lasts. */
                "net.up.day.threshold": number | "max";
                /** @description Bytes from the world in a day (UTC), exempt destinations apart. */
                "net.down.day.bytes": number | "max";
                /** @description Bytes of these past which its rate falls, so that the rest lasts. */
                "net.down.day.threshold": number | "max";
              };
              keys: string[];
              initscript: string | null;
              /**
               * Format: date-time
               * @description When it was created (RFC 3339, UTC).
               */
              createdAt: string;
              expiresAt: string | null;
              deletedAfterSeconds: number | null;
              /** @description running, stopped, frozen or deleted. */
              desired: string;
              /**
               * @description Effective state.
               * @enum {unknown}
               */
              state: "running" | "frozen" | "stopped" | "expired" | "starting" | "stopping" | "failed" | "deleting";
              /**
               * Format: date-time
               * @description Since when it is in this state (RFC 3339, UTC).
               */
              since: string;
              doing: string | null;
              pid: number | null;
              /** @description What it may do by its manager's socket, as it was given. */
              roles: {
                  role: string;
                  slices?: string[];
                  share?: {
                    [key: string]: number;
                  };
                }[];
              authority: string | null;
              /** @description By which the world reaches it: the shared one, and its own of IPv6 where it has one. */
              addresses: string[];
              cause: ({
                /** @description The step that failed, as in start/run. */
                step: string;
                /** @description Why, outermost first. */
                reason: string;
                /**
                 * Format: date-time
                 * @description When it first failed (RFC 3339, UTC).
                 */
                since: string;
                /** @description Failures in a row. */
                attempts: number;
                retryAt: string | null;
              }) | null;
            };
          };
        };
        /** @description What went wrong (docs/errors.md) */
        default: {
          content: {
            "application/problem+json": components["schemas"]["Problem"];
          };
        };
      };
    };
  };
  "/v1/slivers/{name}/freeze": {
    /** Suspends all its processes */
    post: {
      parameters: {
        path: {
          name: string;
        };
      };
      responses: {
        /** @description Default Response */
        200: {
          content: {
            "application/json": {
              name: string;
              id: number;
              environment: string;
              image: {
                name: string;
                digest: string;
              };
              profile: string;
              /** @description The resources of a sliver. */
              rspec: {
                /** @description Share of the CPU under contention; 100 is usual. */
                "cpu.weight": number;
                /** @description Most CPU time, in cores (0.5 is half of one). */
                "cpu.max": number | "max";
                /** @description Cores it may run on, as 0-1,3; empty: all. */
                "cpuset.cpus": string;
                /** @description Bytes past which it is slowed and reclaimed from. */
                "memory.high": number | "max";
                /** @description Bytes past which its processes are killed. */
                "memory.max": number | "max";
                /** @description Bytes of swap. */
                "memory.swap.max": number | "max";
                /** @description Processes and threads at once. */
                "pids.max": number | "max";
                /** @description Share of the disk under contention; 100 is usual. */
                "io.weight": number;
                /** @description Bytes read from its disk, per second. */
                "io.rbps": number | "max";
                /** @description Bytes written to its disk, per second. */
                "io.wbps": number | "max";
                /** @description Read operations per second. */
                "io.riops": number | "max";
                /** @description Write operations per second. */
                "io.wiops": number | "max";
                /** @description Bytes its own files may take, beside the image. */
                "disk.bytes": number;
                /** @description Files and directories of its own. */
                "disk.inodes": number;
                /** @description Bits per second to the world that it gets whatever others send. */
                "net.up.min": number;
                /** @description Most bits per second to the world. */
                "net.up.max": number | "max";
                /** @description Bits per second from the world that it gets whatever others receive. */
                "net.down.min": number;
                /** @description Most bits per second from the world. */
                "net.down.max": number | "max";
                /** @description Share of what minimum rates leave, under contention; 100 is usual. */
                "net.weight": number;
                /** @description Most bits per second to the owner's exempt destinations. */
                "net.exempt.up.max": number | "max";
                /** @description Most bits per second from the owner's exempt destinations. */
                "net.exempt.down.max": number | "max";
                /** @description Most connections at once, from it and to it; max: 8192. */
                "net.connections": number | "max";
                /** @description Addresses in the world that it may begin to send to in a minute. */
                "net.destinations.minute": number | "max";
                /** @description Bytes to the world in a day (UTC), exempt destinations apart. */
                "net.up.day.bytes": number | "max";
                /** @description Bytes of these past which its rate falls, so that the rest lasts. */
                "net.up.day.threshold": number | "max";
                /** @description Bytes from the world in a day (UTC), exempt destinations apart. */
                "net.down.day.bytes": number | "max";
                /** @description Bytes of these past which its rate falls, so that the rest lasts. */
                "net.down.day.threshold": number | "max";
              };
              keys: string[];
              initscript: string | null;
              /**
               * Format: date-time
               * @description When it was created (RFC 3339, UTC).
               */
              createdAt: string;
              expiresAt: string | null;
              deletedAfterSeconds: number | null;
              /** @description running, stopped, frozen or deleted. */
              desired: string;
              /**
               * @description Effective state.
               * @enum {unknown}
               */
              state: "running" | "frozen" | "stopped" | "expired" | "starting" | "stopping" | "failed" | "deleting";
              /**
               * Format: date-time
               * @description Since when it is in this state (RFC 3339, UTC).
               */
              since: string;
              doing: string | null;
              pid: number | null;
              /** @description What it may do by its manager's socket, as it was given. */
              roles: {
                  role: string;
                  slices?: string[];
                  share?: {
                    [key: string]: number;
                  };
                }[];
              authority: string | null;
              /** @description By which the world reaches it: the shared one, and its own of IPv6 where it has one. */
              addresses: string[];
              cause: ({
                /** @description The step that failed, as in start/run. */
                step: string;
                /** @description Why, outermost first. */
                reason: string;
                /**
                 * Format: date-time
                 * @description When it first failed (RFC 3339, UTC).
                 */
                since: string;
                /** @description Failures in a row. */
                attempts: number;
                retryAt: string | null;
              }) | null;
            };
          };
        };
        /** @description Default Response */
        202: {
          content: {
            "application/json": {
              name: string;
              id: number;
              environment: string;
              image: {
                name: string;
                digest: string;
              };
              profile: string;
              /** @description The resources of a sliver. */
              rspec: {
                /** @description Share of the CPU under contention; 100 is usual. */
                "cpu.weight": number;
                /** @description Most CPU time, in cores (0.5 is half of one). */
                "cpu.max": number | "max";
                /** @description Cores it may run on, as 0-1,3; empty: all. */
                "cpuset.cpus": string;
                /** @description Bytes past which it is slowed and reclaimed from. */
                "memory.high": number | "max";
                /** @description Bytes past which its processes are killed. */
                "memory.max": number | "max";
                /** @description Bytes of swap. */
                "memory.swap.max": number | "max";
                /** @description Processes and threads at once. */
                "pids.max": number | "max";
                /** @description Share of the disk under contention; 100 is usual. */
                "io.weight": number;
                /** @description Bytes read from its disk, per second. */
                "io.rbps": number | "max";
                /** @description Bytes written to its disk, per second. */
                "io.wbps": number | "max";
                /** @description Read operations per second. */
                "io.riops": number | "max";
                /** @description Write operations per second. */
                "io.wiops": number | "max";
                /** @description Bytes its own files may take, beside the image. */
                "disk.bytes": number;
                /** @description Files and directories of its own. */
                "disk.inodes": number;
                /** @description Bits per second to the world that it gets whatever others send. */
                "net.up.min": number;
                /** @description Most bits per second to the world. */
                "net.up.max": number | "max";
                /** @description Bits per second from the world that it gets whatever others receive. */
                "net.down.min": number;
                /** @description Most bits per second from the world. */
                "net.down.max": number | "max";
                /** @description Share of what minimum rates leave, under contention; 100 is usual. */
                "net.weight": number;
                /** @description Most bits per second to the owner's exempt destinations. */
                "net.exempt.up.max": number | "max";
                /** @description Most bits per second from the owner's exempt destinations. */
                "net.exempt.down.max": number | "max";
                /** @description Most connections at once, from it and to it; max: 8192. */
                "net.connections": number | "max";
                /** @description Addresses in the world that it may begin to send to in a minute. */
                "net.destinations.minute": number | "max";
                /** @description Bytes to the world in a day (UTC), exempt destinations apart. */
                "net.up.day.bytes": number | "max";
                /** @description Bytes of these past which its rate falls, so that the rest lasts. */
                "net.up.day.threshold": number | "max";
                /** @description Bytes from the world in a day (UTC), exempt destinations apart. */
                "net.down.day.bytes": number | "max";
                /** @description Bytes of these past which its rate falls, so that the rest lasts. */
                "net.down.day.threshold": number | "max";
              };
              keys: string[];
              initscript: string | null;
              /**
               * Format: date-time
               * @description When it was created (RFC 3339, UTC).
               */
              createdAt: string;
              expiresAt: string | null;
              deletedAfterSeconds: number | null;
              /** @description running, stopped, frozen or deleted. */
              desired: string;
              /**
               * @description Effective state.
               * @enum {unknown}
               */
              state: "running" | "frozen" | "stopped" | "expired" | "starting" | "stopping" | "failed" | "deleting";
              /**
               * Format: date-time
               * @description Since when it is in this state (RFC 3339, UTC).
               */
              since: string;
              doing: string | null;
              pid: number | null;
              /** @description What it may do by its manager's socket, as it was given. */
              roles: {
                  role: string;
                  slices?: string[];
                  share?: {
                    [key: string]: number;
                  };
                }[];
              authority: string | null;
              /** @description By which the world reaches it: the shared one, and its own of IPv6 where it has one. */
              addresses: string[];
              cause: ({
                /** @description The step that failed, as in start/run. */
                step: string;
                /** @description Why, outermost first. */
                reason: string;
                /**
                 * Format: date-time
                 * @description When it first failed (RFC 3339, UTC).
                 */
                since: string;
                /** @description Failures in a row. */
                attempts: number;
                retryAt: string | null;
              }) | null;
            };
          };
        };
        /** @description What went wrong (docs/errors.md) */
        default: {
          content: {
            "application/problem+json": components["schemas"]["Problem"];
          };
        };
      };
    };
  };
  "/v1/slivers/{name}/thaw": {
    /** Lets them go on */
    post: {
      parameters: {
        path: {
          name: string;
        };
      };
      responses: {
        /** @description Default Response */
        200: {
          content: {
            "application/json": {
              name: string;
              id: number;
              environment: string;
              image: {
                name: string;
                digest: string;
              };
              profile: string;
              /** @description The resources of a sliver. */
              rspec: {
                /** @description Share of the CPU under contention; 100 is usual. */
                "cpu.weight": number;
                /** @description Most CPU time, in cores (0.5 is half of one). */
                "cpu.max": number | "max";
                /** @description Cores it may run on, as 0-1,3; empty: all. */
                "cpuset.cpus": string;
                /** @description Bytes past which it is slowed and reclaimed from. */
                "memory.high": number | "max";
                /** @description Bytes past which its processes are killed. */
                "memory.max": number | "max";
                /** @description Bytes of swap. */
                "memory.swap.max": number | "max";
                /** @description Processes and threads at once. */
                "pids.max": number | "max";
                /** @description Share of the disk under contention; 100 is usual. */
                "io.weight": number;
                /** @description Bytes read from its disk, per second. */
                "io.rbps": number | "max";
                /** @description Bytes written to its disk, per second. */
                "io.wbps": number | "max";
                /** @description Read operations per second. */
                "io.riops": number | "max";
                /** @description Write operations per second. */
                "io.wiops": number | "max";
                /** @description Bytes its own files may take, beside the image. */
                "disk.bytes": number;
                /** @description Files and directories of its own. */
                "disk.inodes": number;
                /** @description Bits per second to the world that it gets whatever others send. */
                "net.up.min": number;
                /** @description Most bits per second to the world. */
                "net.up.max": number | "max";
                /** @description Bits per second from the world that it gets whatever others receive. */
                "net.down.min": number;
                /** @description Most bits per second from the world. */
                "net.down.max": number | "max";
                /** @description Share of what minimum rates leave, under contention; 100 is usual. */
                "net.weight": number;
                /** @description Most bits per second to the owner's exempt destinations. */
                "net.exempt.up.max": number | "max";
                /** @description Most bits per second from the owner's exempt destinations. */
                "net.exempt.down.max": number | "max";
                /** @description Most connections at once, from it and to it; max: 8192. */
                "net.connections": number | "max";
                /** @description Addresses in the world that it may begin to send to in a minute. */
                "net.destinations.minute": number | "max";
                /** @description Bytes to the world in a day (UTC), exempt destinations apart. */
                "net.up.day.bytes": number | "max";
                /** @description Bytes of these past which its rate falls, so that the rest lasts. */
                "net.up.day.threshold": number | "max";
                /** @description Bytes from the world in a day (UTC), exempt destinations apart. */
                "net.down.day.bytes": number | "max";
                /** @description Bytes of these past which its rate falls, so that the rest lasts. */
                "net.down.day.threshold": number | "max";
              };
              keys: string[];
              initscript: string | null;
              /**
               * Format: date-time
               * @description When it was created (RFC 3339, UTC).
               */
              createdAt: string;
              expiresAt: string | null;
              deletedAfterSeconds: number | null;
              /** @description running, stopped, frozen or deleted. */
              desired: string;
              /**
               * @description Effective state.
               * @enum {unknown}
               */
              state: "running" | "frozen" | "stopped" | "expired" | "starting" | "stopping" | "failed" | "deleting";
              /**
               * Format: date-time
               * @description Since when it is in this state (RFC 3339, UTC).
               */
              since: string;
              doing: string | null;
              pid: number | null;
              /** @description What it may do by its manager's socket, as it was given. */
              roles: {
                  role: string;
                  slices?: string[];
                  share?: {
                    [key: string]: number;
                  };
                }[];
              authority: string | null;
              /** @description By which the world reaches it: the shared one, and its own of IPv6 where it has one. */
              addresses: string[];
              cause: ({
                /** @description The step that failed, as in start/run. */
                step: string;
                /** @description Why, outermost first. */
                reason: string;
                /**
                 * Format: date-time
                 * @description When it first failed (RFC 3339, UTC).
                 */
                since: string;
                /** @description Failures in a row. */
                attempts: number;
                retryAt: string | null;
              }) | null;
            };
          };
        };
        /** @description Default Response */
        202: {
          content: {
            "application/json": {
              name: string;
              id: number;
              environment: string;
              image: {
                name: string;
                digest: string;
              };
              profile: string;
              /** @description The resources of a sliver. */
              rspec: {
                /** @description Share of the CPU under contention; 100 is usual. */
                "cpu.weight": number;
                /** @description Most CPU time, in cores (0.5 is half of one). */
                "cpu.max": number | "max";
                /** @description Cores it may run on, as 0-1,3; empty: all. */
                "cpuset.cpus": string;
                /** @description Bytes past which it is slowed and reclaimed from. */
                "memory.high": number | "max";
                /** @description Bytes past which its processes are killed. */
                "memory.max": number | "max";
                /** @description Bytes of swap. */
                "memory.swap.max": number | "max";
                /** @description Processes and threads at once. */
                "pids.max": number | "max";
                /** @description Share of the disk under contention; 100 is usual. */
                "io.weight": number;
                /** @description Bytes read from its disk, per second. */
                "io.rbps": number | "max";
                /** @description Bytes written to its disk, per second. */
                "io.wbps": number | "max";
                /** @description Read operations per second. */
                "io.riops": number | "max";
                /** @description Write operations per second. */
                "io.wiops": number | "max";
                /** @description Bytes its own files may take, beside the image. */
                "disk.bytes": number;
                /** @description Files and directories of its own. */
                "disk.inodes": number;
                /** @description Bits per second to the world that it gets whatever others send. */
                "net.up.min": number;
                /** @description Most bits per second to the world. */
                "net.up.max": number | "max";
                /** @description Bits per second from the world that it gets whatever others receive. */
                "net.down.min": number;
                /** @description Most bits per second from the world. */
                "net.down.max": number | "max";
                /** @description Share of what minimum rates leave, under contention; 100 is usual. */
                "net.weight": number;
                /** @description Most bits per second to the owner's exempt destinations. */
                "net.exempt.up.max": number | "max";
                /** @description Most bits per second from the owner's exempt destinations. */
                "net.exempt.down.max": number | "max";
                /** @description Most connections at once, from it and to it; max: 8192. */
                "net.connections": number | "max";
                /** @description Addresses in the world that it may begin to send to in a minute. */
                "net.destinations.minute": number | "max";
                /** @description Bytes to the world in a day (UTC), exempt destinations apart. */
                "net.up.day.bytes": number | "max";
                /** @description Bytes of these past which its rate falls, so that the rest lasts. */
                "net.up.day.threshold": number | "max";
                /** @description Bytes from the world in a day (UTC), exempt destinations apart. */
                "net.down.day.bytes": number | "max";
                /** @description Bytes of these past which its rate falls, so that the rest lasts. */
                "net.down.day.threshold": number | "max";
              };
              keys: string[];
              initscript: string | null;
              /**
               * Format: date-time
               * @description When it was created (RFC 3339, UTC).
               */
              createdAt: string;
              expiresAt: string | null;
              deletedAfterSeconds: number | null;
              /** @description running, stopped, frozen or deleted. */
              desired: string;
              /**
               * @description Effective state.
               * @enum {unknown}
               */
              state: "running" | "frozen" | "stopped" | "expired" | "starting" | "stopping" | "failed" | "deleting";
              /**
               * Format: date-time
               * @description Since when it is in this state (RFC 3339, UTC).
               */
              since: string;
              doing: string | null;
              pid: number | null;
              /** @description What it may do by its manager's socket, as it was given. */
              roles: {
                  role: string;
                  slices?: string[];
                  share?: {
                    [key: string]: number;
                  };
                }[];
              authority: string | null;
              /** @description By which the world reaches it: the shared one, and its own of IPv6 where it has one. */
              addresses: string[];
              cause: ({
                /** @description The step that failed, as in start/run. */
                step: string;
                /** @description Why, outermost first. */
                reason: string;
                /**
                 * Format: date-time
                 * @description When it first failed (RFC 3339, UTC).
                 */
                since: string;
                /** @description Failures in a row. */
                attempts: number;
                retryAt: string | null;
              }) | null;
            };
          };
        };
        /** @description What went wrong (docs/errors.md) */
        default: {
          content: {
            "application/problem+json": components["schemas"]["Problem"];
          };
        };
      };
    };
  };
  "/v1/slivers/{name}/reset": {
    /** Gives it a clean file system; its name, keys and resources stay */
    post: {
      parameters: {
        path: {
          name: string;
        };
      };
      responses: {
        /** @description Default Response */
        200: {
          content: {
            "application/json": {
              name: string;
              id: number;
              environment: string;
              image: {
                name: string;
                digest: string;
              };
              profile: string;
              /** @description The resources of a sliver. */
              rspec: {
                /** @description Share of the CPU under contention; 100 is usual. */
                "cpu.weight": number;
                /** @description Most CPU time, in cores (0.5 is half of one). */
                "cpu.max": number | "max";
                /** @description Cores it may run on, as 0-1,3; empty: all. */
                "cpuset.cpus": string;
                /** @description Bytes past which it is slowed and reclaimed from. */
                "memory.high": number | "max";
                /** @description Bytes past which its processes are killed. */
                "memory.max": number | "max";
                /** @description Bytes of swap. */
                "memory.swap.max": number | "max";
                /** @description Processes and threads at once. */
                "pids.max": number | "max";
                /** @description Share of the disk under contention; 100 is usual. */
                "io.weight": number;
                /** @description Bytes read from its disk, per second. */
                "io.rbps": number | "max";
                /** @description Bytes written to its disk, per second. */
                "io.wbps": number | "max";
                /** @description Read operations per second. */
                "io.riops": number | "max";
                /** @description Write operations per second. */
                "io.wiops": number | "max";
                /** @description Bytes its own files may take, beside the image. */
                "disk.bytes": number;
                /** @description Files and directories of its own. */
                "disk.inodes": number;
                /** @description Bits per second to the world that it gets whatever others send. */
                "net.up.min": number;
                /** @description Most bits per second to the world. */
                "net.up.max": number | "max";
                /** @description Bits per second from the world that it gets whatever others receive. */
                "net.down.min": number;
                /** @description Most bits per second from the world. */
                "net.down.max": number | "max";
                /** @description Share of what minimum rates leave, under contention; 100 is usual. */
                "net.weight": number;
                /** @description Most bits per second to the owner's exempt destinations. */
                "net.exempt.up.max": number | "max";
                /** @description Most bits per second from the owner's exempt destinations. */
                "net.exempt.down.max": number | "max";
                /** @description Most connections at once, from it and to it; max: 8192. */
                "net.connections": number | "max";
                /** @description Addresses in the world that it may begin to send to in a minute. */
                "net.destinations.minute": number | "max";
                /** @description Bytes to the world in a day (UTC), exempt destinations apart. */
                "net.up.day.bytes": number | "max";
                /** @description Bytes of these past which its rate falls, so that the rest lasts. */
                "net.up.day.threshold": number | "max";
                /** @description Bytes from the world in a day (UTC), exempt destinations apart. */
                "net.down.day.bytes": number | "max";
                /** @description Bytes of these past which its rate falls, so that the rest lasts. */
                "net.down.day.threshold": number | "max";
              };
              keys: string[];
              initscript: string | null;
              /**
               * Format: date-time
               * @description When it was created (RFC 3339, UTC).
               */
              createdAt: string;
              expiresAt: string | null;
              deletedAfterSeconds: number | null;
              /** @description running, stopped, frozen or deleted. */
              desired: string;
              /**
               * @description Effective state.
               * @enum {unknown}
               */
              state: "running" | "frozen" | "stopped" | "expired" | "starting" | "stopping" | "failed" | "deleting";
              /**
               * Format: date-time
               * @description Since when it is in this state (RFC 3339, UTC).
               */
              since: string;
              doing: string | null;
              pid: number | null;
              /** @description What it may do by its manager's socket, as it was given. */
              roles: {
                  role: string;
                  slices?: string[];
                  share?: {
                    [key: string]: number;
                  };
                }[];
              authority: string | null;
              /** @description By which the world reaches it: the shared one, and its own of IPv6 where it has one. */
              addresses: string[];
              cause: ({
                /** @description The step that failed, as in start/run. */
                step: string;
                /** @description Why, outermost first. */
                reason: string;
                /**
                 * Format: date-time
                 * @description When it first failed (RFC 3339, UTC).
                 */
                since: string;
                /** @description Failures in a row. */
                attempts: number;
                retryAt: string | null;
              }) | null;
            };
          };
        };
        /** @description Default Response */
        202: {
          content: {
            "application/json": {
              name: string;
              id: number;
              environment: string;
              image: {
                name: string;
                digest: string;
              };
              profile: string;
              /** @description The resources of a sliver. */
              rspec: {
                /** @description Share of the CPU under contention; 100 is usual. */
                "cpu.weight": number;
                /** @description Most CPU time, in cores (0.5 is half of one). */
                "cpu.max": number | "max";
                /** @description Cores it may run on, as 0-1,3; empty: all. */
                "cpuset.cpus": string;
                /** @description Bytes past which it is slowed and reclaimed from. */
                "memory.high": number | "max";
                /** @description Bytes past which its processes are killed. */
                "memory.max": number | "max";
                /** @description Bytes of swap. */
                "memory.swap.max": number | "max";
                /** @description Processes and threads at once. */
                "pids.max": number | "max";
                /** @description Share of the disk under contention; 100 is usual. */
                "io.weight": number;
                /** @description Bytes read from its disk, per second. */
                "io.rbps": number | "max";
                /** @description Bytes written to its disk, per second. */
                "io.wbps": number | "max";
                /** @description Read operations per second. */
                "io.riops": number | "max";
                /** @description Write operations per second. */
                "io.wiops": number | "max";
                /** @description Bytes its own files may take, beside the image. */
                "disk.bytes": number;
                /** @description Files and directories of its own. */
                "disk.inodes": number;
                /** @description Bits per second to the world that it gets whatever others send. */
                "net.up.min": number;
                /** @description Most bits per second to the world. */
                "net.up.max": number | "max";
                /** @description Bits per second from the world that it gets whatever others receive. */
                "net.down.min": number;
                /** @description Most bits per second from the world. */
                "net.down.max": number | "max";
                /** @description Share of what minimum rates leave, under contention; 100 is usual. */
                "net.weight": number;
                /** @description Most bits per second to the owner's exempt destinations. */
                "net.exempt.up.max": number | "max";
                /** @description Most bits per second from the owner's exempt destinations. */
                "net.exempt.down.max": number | "max";
                /** @description Most connections at once, from it and to it; max: 8192. */
                "net.connections": number | "max";
                /** @description Addresses in the world that it may begin to send to in a minute. */
                "net.destinations.minute": number | "max";
                /** @description Bytes to the world in a day (UTC), exempt destinations apart. */
                "net.up.day.bytes": number | "max";
                /** @description Bytes of these past which its rate falls, so that the rest lasts. */
                "net.up.day.threshold": number | "max";
                /** @description Bytes from the world in a day (UTC), exempt destinations apart. */
                "net.down.day.bytes": number | "max";
                /** @description Bytes of these past which its rate falls, so that the rest lasts. */
                "net.down.day.threshold": number | "max";
              };
              keys: string[];
              initscript: string | null;
              /**
               * Format: date-time
               * @description When it was created (RFC 3339, UTC).
               */
              createdAt: string;
              expiresAt: string | null;
              deletedAfterSeconds: number | null;
              /** @description running, stopped, frozen or deleted. */
              desired: string;
              /**
               * @description Effective state.
               * @enum {unknown}
               */
              state: "running" | "frozen" | "stopped" | "expired" | "starting" | "stopping" | "failed" | "deleting";
              /**
               * Format: date-time
               * @description Since when it is in this state (RFC 3339, UTC).
               */
              since: string;
              doing: string | null;
              pid: number | null;
              /** @description What it may do by its manager's socket, as it was given. */
              roles: {
                  role: string;
                  slices?: string[];
                  share?: {
                    [key: string]: number;
                  };
                }[];
              authority: string | null;
              /** @description By which the world reaches it: the shared one, and its own of IPv6 where it has one. */
              addresses: string[];
              cause: ({
                /** @description The step that failed, as in start/run. */
                step: string;
                /** @description Why, outermost first. */
                reason: string;
                /**
                 * Format: date-time
                 * @description When it first failed (RFC 3339, UTC).
                 */
                since: string;
                /** @description Failures in a row. */
                attempts: number;
                retryAt: string | null;
              }) | null;
            };
          };
        };
        /** @description What went wrong (docs/errors.md) */
        default: {
          content: {
            "application/problem+json": components["schemas"]["Problem"];
          };
        };
      };
    };
  };
  "/v1/self": {
    /** The sliver that asks */
    get: {
      responses: {
        /** @description Default Response */
        200: {
          content: {
            "application/json": {
              name: string;
              id: number;
              environment: string;
              image: {
                name: string;
                digest: string;
              };
              profile: string;
              /** @description The resources of a sliver. */
              rspec: {
                /** @description Share of the CPU under contention; 100 is usual. */
                "cpu.weight": number;
                /** @description Most CPU time, in cores (0.5 is half of one). */
                "cpu.max": number | "max";
                /** @description Cores it may run on, as 0-1,3; empty: all. */
                "cpuset.cpus": string;
                /** @description Bytes past which it is slowed and reclaimed from. */
                "memory.high": number | "max";
                /** @description Bytes past which its processes are killed. */
                "memory.max": number | "max";
                /** @description Bytes of swap. */
                "memory.swap.max": number | "max";
                /** @description Processes and threads at once. */
                "pids.max": number | "max";
                /** @description Share of the disk under contention; 100 is usual. */
                "io.weight": number;
                /** @description Bytes read from its disk, per second. */
                "io.rbps": number | "max";
                /** @description Bytes written to its disk, per second. */
                "io.wbps": number | "max";
                /** @description Read operations per second. */
                "io.riops": number | "max";
                /** @description Write operations per second. */
                "io.wiops": number | "max";
                /** @description Bytes its own files may take, beside the image. */
                "disk.bytes": number;
                /** @description Files and directories of its own. */
                "disk.inodes": number;
                /** @description Bits per second to the world that it gets whatever others send. */
                "net.up.min": number;
                /** @description Most bits per second to the world. */
                "net.up.max": number | "max";
                /** @description Bits per second from the world that it gets whatever others receive. */
                "net.down.min": number;
                /** @description Most bits per second from the world. */
                "net.down.max": number | "max";
                /** @description Share of what minimum rates leave, under contention; 100 is usual. */
                "net.weight": number;
                /** @description Most bits per second to the owner's exempt destinations. */
                "net.exempt.up.max": number | "max";
                /** @description Most bits per second from the owner's exempt destinations. */
                "net.exempt.down.max": number | "max";
                /** @description Most connections at once, from it and to it; max: 8192. */
                "net.connections": number | "max";
                /** @description Addresses in the world that it may begin to send to in a minute. */
                "net.destinations.minute": number | "max";
                /** @description Bytes to the world in a day (UTC), exempt destinations apart. */
                "net.up.day.bytes": number | "max";
                /** @description Bytes of these past which its rate falls, so that the rest lasts. */
                "net.up.day.threshold": number | "max";
                /** @description Bytes from the world in a day (UTC), exempt destinations apart. */
                "net.down.day.bytes": number | "max";
                /** @description Bytes of these past which its rate falls, so that the rest lasts. */
                "net.down.day.threshold": number | "max";
              };
              keys: string[];
              initscript: string | null;
              /**
               * Format: date-time
               * @description When it was created (RFC 3339, UTC).
               */
              createdAt: string;
              expiresAt: string | null;
              deletedAfterSeconds: number | null;
              /** @description running, stopped, frozen or deleted. */
              desired: string;
              /**
               * @description Effective state.
               * @enum {unknown}
               */
              state: "running" | "frozen" | "stopped" | "expired" | "starting" | "stopping" | "failed" | "deleting";
              /**
               * Format: date-time
               * @description Since when it is in this state (RFC 3339, UTC).
               */
              since: string;
              doing: string | null;
              pid: number | null;
              /** @description What it may do by its manager's socket, as it was given. */
              roles: {
                  role: string;
                  slices?: string[];
                  share?: {
                    [key: string]: number;
                  };
                }[];
              authority: string | null;
              /** @description By which the world reaches it: the shared one, and its own of IPv6 where it has one. */
              addresses: string[];
              cause: ({
                /** @description The step that failed, as in start/run. */
                step: string;
                /** @description Why, outermost first. */
                reason: string;
                /**
                 * Format: date-time
                 * @description When it first failed (RFC 3339, UTC).
                 */
                since: string;
                /** @description Failures in a row. */
                attempts: number;
                retryAt: string | null;
              }) | null;
            };
          };
        };
        /** @description What went wrong (docs/errors.md) */
        default: {
          content: {
            "application/problem+json": components["schemas"]["Problem"];
          };
        };
      };
    };
  };
  "/v1/slivers/{name}/rspec": {
    /** Its resources, as its record says */
    get: {
      parameters: {
        path: {
          name: string;
        };
      };
      responses: {
        /** @description The resources of a sliver. */
        200: {
          content: {
            "application/json": {
              /** @description Share of the CPU under contention; 100 is usual. */
              "cpu.weight": number;
              /** @description Most CPU time, in cores (0.5 is half of one). */
              "cpu.max": number | "max";
              /** @description Cores it may run on, as 0-1,3; empty: all. */
              "cpuset.cpus": string;
              /** @description Bytes past which it is slowed and reclaimed from. */
              "memory.high": number | "max";
              /** @description Bytes past which its processes are killed. */
              "memory.max": number | "max";
              /** @description Bytes of swap. */
              "memory.swap.max": number | "max";
              /** @description Processes and threads at once. */
              "pids.max": number | "max";
              /** @description Share of the disk under contention; 100 is usual. */
              "io.weight": number;
              /** @description Bytes read from its disk, per second. */
              "io.rbps": number | "max";
              /** @description Bytes written to its disk, per second. */
              "io.wbps": number | "max";
              /** @description Read operations per second. */
              "io.riops": number | "max";
              /** @description Write operations per second. */
              "io.wiops": number | "max";
              /** @description Bytes its own files may take, beside the image. */
              "disk.bytes": number;
              /** @description Files and directories of its own. */
              "disk.inodes": number;
              /** @description Bits per second to the world that it gets whatever others send. */
              "net.up.min": number;
              /** @description Most bits per second to the world. */
              "net.up.max": number | "max";
              /** @description Bits per second from the world that it gets whatever others receive. */
              "net.down.min": number;
              /** @description Most bits per second from the world. */
              "net.down.max": number | "max";
              /** @description Share of what minimum rates leave, under contention; 100 is usual. */
              "net.weight": number;
              /** @description Most bits per second to the owner's exempt destinations. */
              "net.exempt.up.max": number | "max";
              /** @description Most bits per second from the owner's exempt destinations. */
              "net.exempt.down.max": number | "max";
              /** @description Most connections at once, from it and to it; max: 8192. */
              "net.connections": number | "max";
              /** @description Addresses in the world that it may begin to send to in a minute. */
              "net.destinations.minute": number | "max";
              /** @description Bytes to the world in a day (UTC), exempt destinations apart. */
              "net.up.day.bytes": number | "max";
              /** @description Bytes of these past which its rate falls, so that the rest lasts. */
              "net.up.day.threshold": number | "max";
              /** @description Bytes from the world in a day (UTC), exempt destinations apart. */
              "net.down.day.bytes": number | "max";
              /** @description Bytes of these past which its rate falls, so that the rest lasts. */
              "net.down.day.threshold": number | "max";
            };
          };
        };
        /** @description What went wrong (docs/errors.md) */
        default: {
          content: {
            "application/problem+json": components["schemas"]["Problem"];
          };
        };
      };
    };
  };
  "/v1/slivers/{name}/effective-rspec": {
    /** Its resources as they are now: with leases and loans, and less where it has had most of its day */
    get: {
      parameters: {
        path: {
          name: string;
        };
      };
      responses: {
        /** @description The resources of a sliver. */
        200: {
          content: {
            "application/json": {
              /** @description Share of the CPU under contention; 100 is usual. */
              "cpu.weight": number;
              /** @description Most CPU time, in cores (0.5 is half of one). */
              "cpu.max": number | "max";
              /** @description Cores it may run on, as 0-1,3; empty: all. */
              "cpuset.cpus": string;
              /** @description Bytes past which it is slowed and reclaimed from. */
              "memory.high": number | "max";
              /** @description Bytes past which its processes are killed. */
              "memory.max": number | "max";
              /** @description Bytes of swap. */
              "memory.swap.max": number | "max";
              /** @description Processes and threads at once. */
              "pids.max": number | "max";
              /** @description Share of the disk under contention; 100 is usual. */
              "io.weight": number;
              /** @description Bytes read from its disk, per second. */
              "io.rbps": number | "max";
              /** @description Bytes written to its disk, per second. */
              "io.wbps": number | "max";
              /** @description Read operations per second. */
              "io.riops": number | "max";
              /** @description Write operations per second. */
              "io.wiops": number | "max";
              /** @description Bytes its own files may take, beside the image. */
              "disk.bytes": number;
              /** @description Files and directories of its own. */
              "disk.inodes": number;
              /** @description Bits per second to the world that it gets whatever others send. */
              "net.up.min": number;
              /** @description Most bits per second to the world. */
              "net.up.max": number | "max";
              /** @description Bits per second from the world that it gets whatever others receive. */
              "net.down.min": number;
              /** @description Most bits per second from the world. */
              "net.down.max": number | "max";
              /** @description Share of what minimum rates leave, under contention; 100 is usual. */
              "net.weight": number;
              /** @description Most bits per second to the owner's exempt destinations. */
              "net.exempt.up.max": number | "max";
              /** @description Most bits per second from the owner's exempt destinations. */
              "net.exempt.down.max": number | "max";
              /** @description Most connections at once, from it and to it; max: 8192. */
              "net.connections": number | "max";
              /** @description Addresses in the world that it may begin to send to in a minute. */
              "net.destinations.minute": number | "max";
              /** @description Bytes to the world in a day (UTC), exempt destinations apart. */
              "net.up.day.bytes": number | "max";
              /** @description Bytes of these past which its rate falls, so that the rest lasts. */
              "net.up.day.threshold": number | "max";
              /** @description Bytes from the world in a day (UTC), exempt destinations apart. */
              "net.down.day.bytes": number | "max";
              /** @description Bytes of these past which its rate falls, so that the rest lasts. */
              "net.down.day.threshold": number | "max";
            };
          };
        };
        /** @description What went wrong (docs/errors.md) */
        default: {
          content: {
            "application/problem+json": components["schemas"]["Problem"];
          };
        };
      };
    };
  };
  "/v1/slivers/{name}/usage": {
    /** What it has used since its start, and pressure */
    get: {
      parameters: {
        path: {
          name: string;
        };
      };
      responses: {
        /** @description Counters; what the node has no count of is missing. */
        200: {
          content: {
            "application/json": {
              [key: string]: unknown;
            };
          };
        };
        /** @description What went wrong (docs/errors.md) */
        default: {
          content: {
            "application/problem+json": components["schemas"]["Problem"];
          };
        };
      };
    };
  };
  "/v1/slivers/{name}/log": {
    /** The last 64 KiB of what its init and initscript wrote */
    get: {
      parameters: {
        path: {
          name: string;
        };
      };
      responses: {
        /** @description Default Response */
        200: {
          content: {
            "text/plain": string;
          };
        };
        /** @description What went wrong (docs/errors.md) */
        default: {
          content: {
            "application/problem+json": components["schemas"]["Problem"];
          };
        };
      };
    };
  };
  "/v1/slivers/{name}/keys": {
    /** The keys that may log in to a sliver */
    get: {
      parameters: {
        path: {
          name: string;
        };
      };
      responses: {
        /** @description Default Response */
        200: {
          content: {
            "application/json": {
              items: ({
                  fingerprint: string | null;
                  /** @description As in ssh-ed25519. */
                  type: string;
                  bits: number;
                  /** @description As sshd(8) has them. */
                  options: string[];
                  comment: string;
                  /** @description Whether it logs in none itself, but whom it certifies. */
                  authority: boolean;
                  /** @description The whole line. */
                  line: string;
                })[];
            };
          };
        };
        /** @description What went wrong (docs/errors.md) */
        default: {
          content: {
            "application/problem+json": components["schemas"]["Problem"];
          };
        };
      };
    };
    /** These keys instead of those */
    put: {
      parameters: {
        path: {
          name: string;
        };
      };
      requestBody: {
        content: {
          "application/json": {
            /** @description Lines of authorized_keys, at most 1000 of them keys; blank ones and comments are left out. */
            keys: string[];
          };
        };
      };
      responses: {
        /** @description Default Response */
        200: {
          content: {
            "application/json": {
              items: ({
                  fingerprint: string | null;
                  /** @description As in ssh-ed25519. */
                  type: string;
                  bits: number;
                  /** @description As sshd(8) has them. */
                  options: string[];
                  comment: string;
                  /** @description Whether it logs in none itself, but whom it certifies. */
                  authority: boolean;
                  /** @description The whole line. */
                  line: string;
                })[];
            };
          };
        };
        /** @description What went wrong (docs/errors.md) */
        default: {
          content: {
            "application/problem+json": components["schemas"]["Problem"];
          };
        };
      };
    };
    /** These keys too; of those that are there, options and comment are replaced */
    post: {
      parameters: {
        path: {
          name: string;
        };
      };
      requestBody: {
        content: {
          "application/json": {
            /** @description Lines of authorized_keys, at most 1000 of them keys; blank ones and comments are left out. */
            keys: string[];
          };
        };
      };
      responses: {
        /** @description Default Response */
        200: {
          content: {
            "application/json": {
              items: ({
                  fingerprint: string | null;
                  /** @description As in ssh-ed25519. */
                  type: string;
                  bits: number;
                  /** @description As sshd(8) has them. */
                  options: string[];
                  comment: string;
                  /** @description Whether it logs in none itself, but whom it certifies. */
                  authority: boolean;
                  /** @description The whole line. */
                  line: string;
                })[];
            };
          };
        };
        /** @description What went wrong (docs/errors.md) */
        default: {
          content: {
            "application/problem+json": components["schemas"]["Problem"];
          };
        };
      };
    };
  };
  "/v1/slivers/{name}/keys/{fingerprint}": {
    /** Takes a key away */
    delete: {
      parameters: {
        path: {
          name: string;
          /** @description SHA256:…, percent-encoded. */
          fingerprint: string;
        };
      };
      responses: {
        /** @description Default Response */
        200: {
          content: {
            "application/json": {
              items: ({
                  fingerprint: string | null;
                  /** @description As in ssh-ed25519. */
                  type: string;
                  bits: number;
                  /** @description As sshd(8) has them. */
                  options: string[];
                  comment: string;
                  /** @description Whether it logs in none itself, but whom it certifies. */
                  authority: boolean;
                  /** @description The whole line. */
                  line: string;
                })[];
            };
          };
        };
        /** @description What went wrong (docs/errors.md) */
        default: {
          content: {
            "application/problem+json": components["schemas"]["Problem"];
          };
        };
      };
    };
  };
  "/v1/slivers/{name}/revocations": {
    /** What lets nobody in to a sliver */
    get: {
      parameters: {
        path: {
          name: string;
        };
      };
      responses: {
        /** @description Default Response */
        200: {
          content: {
            "application/json": {
              items: {
                  /** @description Fingerprint of who signed it: a key of the sliver with cert-authority, its only one if not given. */
                  authority?: string;
                  /** @description Of a certificate, in decimal. */
                  serial?: string;
                  /** @description What a certificate is named (ssh-keygen -I). */
                  keyId?: string;
                  /** @description Of a key (SHA256:…), itself or in a certificate. */
                  fingerprint?: string;
                }[];
            };
          };
        };
        /** @description What went wrong (docs/errors.md) */
        default: {
          content: {
            "application/problem+json": components["schemas"]["Problem"];
          };
        };
      };
    };
    /** Revokes these certificates and keys for a sliver, and no others */
    put: {
      parameters: {
        path: {
          name: string;
        };
      };
      requestBody: {
        content: {
          "application/json": {
            items: {
                /** @description Fingerprint of who signed it: a key of the sliver with cert-authority, its only one if not given. */
                authority?: string;
                /** @description Of a certificate, in decimal. */
                serial?: string;
                /** @description What a certificate is named (ssh-keygen -I). */
                keyId?: string;
                /** @description Of a key (SHA256:…), itself or in a certificate. */
                fingerprint?: string;
              }[];
          };
        };
      };
      responses: {
        /** @description Default Response */
        200: {
          content: {
            "application/json": {
              items: {
                  /** @description Fingerprint of who signed it: a key of the sliver with cert-authority, its only one if not given. */
                  authority?: string;
                  /** @description Of a certificate, in decimal. */
                  serial?: string;
                  /** @description What a certificate is named (ssh-keygen -I). */
                  keyId?: string;
                  /** @description Of a key (SHA256:…), itself or in a certificate. */
                  fingerprint?: string;
                }[];
            };
          };
        };
        /** @description What went wrong (docs/errors.md) */
        default: {
          content: {
            "application/problem+json": components["schemas"]["Problem"];
          };
        };
      };
    };
    /** Revokes these certificates and keys for a sliver too */
    post: {
      parameters: {
        path: {
          name: string;
        };
      };
      requestBody: {
        content: {
          "application/json": {
            items: {
                /** @description Fingerprint of who signed it: a key of the sliver with cert-authority, its only one if not given. */
                authority?: string;
                /** @description Of a certificate, in decimal. */
                serial?: string;
                /** @description What a certificate is named (ssh-keygen -I). */
                keyId?: string;
                /** @description Of a key (SHA256:…), itself or in a certificate. */
                fingerprint?: string;
              }[];
          };
        };
      };
      responses: {
        /** @description Default Response */
        200: {
          content: {
            "application/json": {
              items: {
                  /** @description Fingerprint of who signed it: a key of the sliver with cert-authority, its only one if not given. */
                  authority?: string;
                  /** @description Of a certificate, in decimal. */
                  serial?: string;
                  /** @description What a certificate is named (ssh-keygen -I). */
                  keyId?: string;
                  /** @description Of a key (SHA256:…), itself or in a certificate. */
                  fingerprint?: string;
                }[];
            };
          };
        };
        /** @description What went wrong (docs/errors.md) */
        default: {
          content: {
            "application/problem+json": components["schemas"]["Problem"];
          };
        };
      };
    };
  };
  "/v1/sessions": {
    /** Who is logged in by ssh, the oldest session first */
    get: {
      responses: {
        /** @description Default Response */
        200: {
          content: {
            "application/json": {
              items: ({
                  id: string;
                  sliver: string;
                  /**
                   * Format: date-time
                   * @description Since when (RFC 3339, UTC).
                   */
                  since: string;
                  /** @description Where it came from. */
                  address: string;
                  port: number;
                  /** @description Of the key, as in ssh-ed25519. */
                  type: string;
                  /** @description Of the key, as ssh shows it. */
                  fingerprint: string;
                  certificate: ({
                    keyId: string;
                    serial: string;
                    authority: string | null;
                  }) | null;
                })[];
            };
          };
        };
        /** @description What went wrong (docs/errors.md) */
        default: {
          content: {
            "application/problem+json": components["schemas"]["Problem"];
          };
        };
      };
    };
  };
  "/v1/slivers/{name}/sessions": {
    /** Who is logged in to a sliver by ssh */
    get: {
      parameters: {
        path: {
          name: string;
        };
      };
      responses: {
        /** @description Default Response */
        200: {
          content: {
            "application/json": {
              items: ({
                  id: string;
                  sliver: string;
                  /**
                   * Format: date-time
                   * @description Since when (RFC 3339, UTC).
                   */
                  since: string;
                  /** @description Where it came from. */
                  address: string;
                  port: number;
                  /** @description Of the key, as in ssh-ed25519. */
                  type: string;
                  /** @description Of the key, as ssh shows it. */
                  fingerprint: string;
                  certificate: ({
                    keyId: string;
                    serial: string;
                    authority: string | null;
                  }) | null;
                })[];
            };
          };
        };
        /** @description What went wrong (docs/errors.md) */
        default: {
          content: {
            "application/problem+json": components["schemas"]["Problem"];
          };
        };
      };
    };
  };
  "/v1/sessions/{id}": {
    /** Ends a session; its person is told */
    delete: {
      parameters: {
        path: {
          id: string;
        };
      };
      responses: {
        /** @description It is over. */
        204: {
          content: never;
        };
        /** @description What went wrong (docs/errors.md) */
        default: {
          content: {
            "application/problem+json": components["schemas"]["Problem"];
          };
        };
      };
    };
  };
  "/v1/ports": {
    /** Who owns which port of the shared address */
    get: {
      parameters: {
        query?: {
          sliver?: string;
        };
      };
      responses: {
        /** @description Default Response */
        200: {
          content: {
            "application/json": {
              /**
               * @description How a sliver comes by a port on this node: by binding it, by reservation only, or not at all.
               * @enum {unknown}
               */
              had: "bind" | "reservation" | "none";
              items: ({
                  /** @description tcp, udp, or the number of another IP protocol. */
                  protocol: string;
                  /** @description 0 for a protocol without ports. */
                  port: number;
                  sliver: string | null;
                  /**
                   * @description How it came to its owner.
                   * @enum {unknown}
                   */
                  by: "bind" | "reservation" | "node";
                  /**
                   * Format: date-time
                   * @description Since when (RFC 3339, UTC).
                   */
                  since: string;
                  /** @description How many sockets hold it now. */
                  sockets: number;
                })[];
            };
          };
        };
        /** @description What went wrong (docs/errors.md) */
        default: {
          content: {
            "application/problem+json": components["schemas"]["Problem"];
          };
        };
      };
    };
    /** Holds a port for a sliver, whether it runs or not */
    post: {
      requestBody: {
        content: {
          "application/json": {
            sliver: string;
            /** @description tcp, udp, or the number of another IP protocol. */
            protocol: string;
            /** @description 0 for a protocol without ports. */
            port: number;
          };
        };
      };
      responses: {
        /** @description Default Response */
        201: {
          content: {
            "application/json": {
              /** @description tcp, udp, or the number of another IP protocol. */
              protocol: string;
              /** @description 0 for a protocol without ports. */
              port: number;
              sliver: string | null;
              /**
               * @description How it came to its owner.
               * @enum {unknown}
               */
              by: "bind" | "reservation" | "node";
              /**
               * Format: date-time
               * @description Since when (RFC 3339, UTC).
               */
              since: string;
              /** @description How many sockets hold it now. */
              sockets: number;
            };
          };
        };
        /** @description What went wrong (docs/errors.md) */
        default: {
          content: {
            "application/problem+json": components["schemas"]["Problem"];
          };
        };
      };
    };
  };
  "/v1/ports/{protocol}/{port}": {
    /** Ends a reservation; sockets that hold the port go on */
    delete: {
      parameters: {
        path: {
          /** @description tcp, udp, or the number of another IP protocol. */
          protocol: string;
          port: string;
        };
      };
      responses: {
        /** @description It is free. */
        204: {
          content: never;
        };
        /** @description What went wrong (docs/errors.md) */
        default: {
          content: {
            "application/problem+json": components["schemas"]["Problem"];
          };
        };
      };
    };
  };
  "/v1/ports/{protocol}/{port}/revoke": {
    /** Takes a port from whoever has it, ends its sockets, and tells what it was */
    post: {
      parameters: {
        path: {
          /** @description tcp, udp, or the number of another IP protocol. */
          protocol: string;
          port: string;
        };
      };
      responses: {
        /** @description Default Response */
        200: {
          content: {
            "application/json": {
              revoked: ({
                /** @description tcp, udp, or the number of another IP protocol. */
                protocol: string;
                /** @description 0 for a protocol without ports. */
                port: number;
                sliver: string | null;
                /**
                 * @description How it came to its owner.
                 * @enum {unknown}
                 */
                by: "bind" | "reservation" | "node";
                /**
                 * Format: date-time
                 * @description Since when (RFC 3339, UTC).
                 */
                since: string;
                /** @description How many sockets hold it now. */
                sockets: number;
              }) | null;
            };
          };
        };
        /** @description What went wrong (docs/errors.md) */
        default: {
          content: {
            "application/problem+json": components["schemas"]["Problem"];
          };
        };
      };
    };
  };
  "/v1/flows": {
    /** Which slice's a flow was: those that go on first, then the latest end first */
    get: {
      parameters: {
        query?: {
          /** @description Address of who began it, as seen outside. */
          source?: string;
          /** @description The port that it came from. */
          sourcePort?: string;
          /** @description Address of whom it went to. */
          destination?: string;
          /** @description The port that it went to. */
          destinationPort?: string;
          /** @description A name as in /etc/protocols, icmp6, or a number. */
          protocol?: string;
          /** @description A slice, which may be gone. */
          sliver?: string;
          /** @description Flows that were there at that time or later (RFC 3339, UTC). */
          from?: string;
          /** @description or earlier (RFC 3339, UTC). */
          to?: string;
          /** @description How many at most; 100. */
          limit?: string;
          /** @description What an answer gave as `next`: only what is older than all that it has. */
          after?: string;
        };
      };
      responses: {
        /** @description Default Response */
        200: {
          content: {
            "application/json": {
              items: ({
                  slice: string | null;
                  peer: string | null;
                  /** @description tcp, udp, or the number of another IP protocol. */
                  protocol: string;
                  protocolName: string | null;
                  /** @description Who began it, as seen outside; of ICMP the port is the identifier. */
                  source: {
                    /** @description An IPv4 or IPv6 address. */
                    address: string;
                    /** @description 0 for a protocol without ports. */
                    port: number;
                  };
                  /** @description Whom it went to, as seen outside; of ICMP the port is type * 256 + code. */
                  destination: {
                    /** @description An IPv4 or IPv6 address. */
                    address: string;
                    /** @description 0 for a protocol without ports. */
                    port: number;
                  };
                  inside: {
                    source: string;
                    /** @description 0 for a protocol without ports. */
                    sourcePort: number;
                    destination: string;
                    /** @description 0 for a protocol without ports. */
                    destinationPort: number;
                  } | null;
                  /** @description Whether somebody else than the sliver began it. */
                  inbound: boolean;
                  /** @description By the sliver. */
                  sent: {
                    bytes: number;
                    packets: number;
                  };
                  /** @description By the sliver. */
                  received: {
                    bytes: number;
                    packets: number;
                  };
                  start: string | null;
                  end: string | null;
                })[];
              /** @description Of when there may be others. */
              gaps: ({
                  /**
                   * Format: date-time
                   * @description Flows that ended from then on (RFC 3339, UTC).
                   */
                  from: string;
                  /**
                   * Format: date-time
                   * @description to then may be missing (RFC 3339, UTC).
                   */
                  to: string;
                  /**
                   * @description stopped: nobody recorded; full: the disk took no more; clock: it was set, and times before are by the clock of then.
                   * @enum {unknown}
                   */
                  reason: "stopped" | "full" | "clock";
                  /** @description How many are missing, where that is known; else 0. */
                  lost: number;
                })[];
              /** @description Whether there are more than `limit`. */
              more: boolean;
              next: string | null;
            };
          };
        };
        /** @description What went wrong (docs/errors.md) */
        default: {
          content: {
            "application/problem+json": components["schemas"]["Problem"];
          };
        };
      };
    };
  };
  "/v1/sensors": {
    /** Sensors that the caller may read */
    get: {
      responses: {
        /** @description Default Response */
        200: {
          content: {
            "application/json": {
              items: ({
                  /** @description SLICE.NAME of one that a slice publishes. */
                  name: string;
                  author: string | null;
                  description: string;
                  /** @description Seconds for which an answer is as good as a new one. */
                  maxAge: number;
                  /** @description Empty where a reading alone tells them. */
                  columns: ({
                      name: string;
                      /** @enum {unknown} */
                      type: "text" | "number" | "boolean" | "time";
                      unit?: string;
                      description: string;
                    })[];
                })[];
            };
          };
        };
        /** @description What went wrong (docs/errors.md) */
        default: {
          content: {
            "application/problem+json": components["schemas"]["Problem"];
          };
        };
      };
    };
  };
  "/v1/sensors/{sensor}": {
    /** Tuples of a sensor, as text/csv or JSON */
    get: {
      parameters: {
        query?: {
          /** @description In place of Accept; CSV by default. */
          format?: "csv" | "json";
        };
        path: {
          sensor: string;
        };
      };
      responses: {
        /** @description Default Response */
        200: {
          content: never;
        };
        /** @description What went wrong (docs/errors.md) */
        default: {
          content: {
            "application/problem+json": components["schemas"]["Problem"];
          };
        };
      };
    };
  };
  "/v1/slivers/{name}/sensors/{sensor}": {
    /** Publishes a sensor, SLICE.NAME, by a Unix socket in the sliver that answers GET / with text/csv */
    put: {
      parameters: {
        path: {
          name: string;
          /** @description The slice's own name for it. */
          sensor: string;
        };
      };
      requestBody: {
        content: {
          "application/json": {
            /** @description Path of the Unix socket inside, on the file system of its root: not in /run. */
            socket: string;
            /**
             * @description Seconds between two reads.
             * @default 30
             */
            maxAge?: number;
            /** @default */
            description?: string;
          };
        };
      };
      responses: {
        /** @description Default Response */
        200: {
          content: {
            "application/json": {
              /** @description SLICE.NAME of one that a slice publishes. */
              name: string;
              author: string | null;
              description: string;
              /** @description Seconds for which an answer is as good as a new one. */
              maxAge: number;
              /** @description Empty where a reading alone tells them. */
              columns: ({
                  name: string;
                  /** @enum {unknown} */
                  type: "text" | "number" | "boolean" | "time";
                  unit?: string;
                  description: string;
                })[];
            };
          };
        };
        /** @description What went wrong (docs/errors.md) */
        default: {
          content: {
            "application/problem+json": components["schemas"]["Problem"];
          };
        };
      };
    };
    /** Withdraws a sensor that it publishes */
    delete: {
      parameters: {
        path: {
          name: string;
          /** @description The slice's own name for it. */
          sensor: string;
        };
      };
      responses: {
        /** @description It is gone. */
        204: {
          content: never;
        };
        /** @description What went wrong (docs/errors.md) */
        default: {
          content: {
            "application/problem+json": components["schemas"]["Problem"];
          };
        };
      };
    };
  };
  "/metrics": {
    /** OpenMetrics of the node, its clock and its slivers */
    get: {
      responses: {
        /** @description Default Response */
        200: {
          content: never;
        };
        /** @description What went wrong (docs/errors.md) */
        default: {
          content: {
            "application/problem+json": components["schemas"]["Problem"];
          };
        };
      };
    };
  };
  "/v1/slivers/{name}/exec": {
    /** Runs a program in a sliver to its end and answers with what it wrote */
    post: {
      parameters: {
        path: {
          name: string;
        };
      };
      requestBody: {
        content: {
          "application/json": {
            argv: string[];
            env?: {
              [key: string]: string;
            };
            cwd?: string;
            /** @description A name, UID or UID:GID inside. */
            user?: string;
            stdin?: string;
            /** @default 60 */
            timeoutSeconds?: number;
          };
        };
      };
      responses: {
        /** @description Default Response */
        200: {
          content: {
            "application/json": {
              exitCode: number | null;
              signal: string | null;
              stdout: string;
              stderr: string;
              /** @description Output past 1 MiB of each stream was dropped. */
              truncated: boolean;
            };
          };
        };
        /** @description What went wrong (docs/errors.md) */
        default: {
          content: {
            "application/problem+json": components["schemas"]["Problem"];
          };
        };
      };
    };
  };
  "/v1/events": {
    /** What happened: a page of kept events, or a stream (Accept: text/event-stream, Last-Event-ID) */
    get: {
      parameters: {
        query?: {
          subject?: string;
          after?: string;
          limit?: string;
        };
      };
      responses: {
        /** @description Default Response */
        200: {
          content: {
            "application/json": {
              items: {
                  /** @description Grows; resume a stream with Last-Event-ID. 0: told once, not kept (progress). */
                  id: number;
                  /**
                   * Format: date-time
                   * @description When (RFC 3339, UTC).
                   */
                  time: string;
                  /** @description As in sliver.started, sliver.failed, image.created, node.started. */
                  type: string;
                  /** @description The sliver or image by name, or the node. */
                  subject: string;
                  data: {
                    [key: string]: unknown;
                  };
                }[];
            };
          };
        };
        /** @description What went wrong (docs/errors.md) */
        default: {
          content: {
            "application/problem+json": components["schemas"]["Problem"];
          };
        };
      };
    };
  };
  "/v1/tickets": {
    /** Tickets that were issued and are not over for long */
    get: {
      responses: {
        /** @description Default Response */
        200: {
          content: {
            "application/json": {
              items: ({
                  id: string;
                  issuer: string | null;
                  /** @description The x of the holder's key. */
                  holder: string;
                  rspec: {
                    /** @description Cores. */
                    "cpu.max"?: number;
                    "cpu.weight"?: number;
                    /** @description Whole cores, for nobody else meanwhile. */
                    "cpu.cores"?: number;
                    /**
                     * @description The whole node: all others are frozen meanwhile.
                     * @enum {number}
                     */
                    node?: 1;
                    "memory.max"?: number;
                    "pids.max"?: number;
                    "io.weight"?: number;
                    "disk.bytes"?: number;
                    "disk.inodes"?: number;
                    "net.up.min"?: number;
                    "net.up.max"?: number;
                    "net.down.min"?: number;
                    "net.down.max"?: number;
                    "net.weight"?: number;
                    "net.connections"?: number;
                    "net.up.day.bytes"?: number;
                    "net.down.day.bytes"?: number;
                  };
                  /**
                   * Format: date-time
                   * @description From when it is good (RFC 3339, UTC).
                   */
                  from: string;
                  /**
                   * Format: date-time
                   * @description Until when (RFC 3339, UTC).
                   */
                  until: string;
                  slice: string | null;
                  /**
                   * Format: date-time
                   * @description When it was issued (RFC 3339, UTC).
                   */
                  issuedAt: string;
                  revoked: boolean;
                })[];
            };
          };
        };
        /** @description What went wrong (docs/errors.md) */
        default: {
          content: {
            "application/problem+json": components["schemas"]["Problem"];
          };
        };
      };
    };
    /** Promises resources to the holder of a key, who may give them on */
    post: {
      requestBody: {
        content: {
          "application/json": {
            to: {
              /** @enum {string} */
              kty: "OKP";
              /** @enum {string} */
              crv: "Ed25519";
              x: string;
            };
            rspec: {
              /** @description Cores. */
              "cpu.max"?: number;
              "cpu.weight"?: number;
              /** @description Whole cores, for nobody else meanwhile. */
              "cpu.cores"?: number;
              /**
               * @description The whole node: all others are frozen meanwhile.
               * @enum {number}
               */
              node?: 1;
              "memory.max"?: number;
              "pids.max"?: number;
              "io.weight"?: number;
              "disk.bytes"?: number;
              "disk.inodes"?: number;
              "net.up.min"?: number;
              "net.up.max"?: number;
              "net.down.min"?: number;
              "net.down.max"?: number;
              "net.weight"?: number;
              "net.connections"?: number;
              "net.up.day.bytes"?: number;
              "net.down.day.bytes"?: number;
            };
            /**
             * Format: date-time
             * @description From when there is what it promises; default: now (RFC 3339, UTC).
             */
            from?: string;
            /**
             * Format: date-time
             * @description Until when (RFC 3339, UTC).
             */
            until: string;
            slice?: string;
          };
        };
      };
      responses: {
        /** @description Default Response */
        201: {
          content: {
            "application/json": {
              id: string;
              ticket: string;
            };
          };
        };
        /** @description What went wrong (docs/errors.md) */
        default: {
          content: {
            "application/problem+json": components["schemas"]["Problem"];
          };
        };
      };
    };
  };
  "/v1/tickets/{id}": {
    /** Takes a ticket back: nothing more is redeemed of it; leases that it became go on */
    delete: {
      parameters: {
        path: {
          id: string;
        };
      };
      responses: {
        /** @description Default Response */
        200: {
          content: {
            "application/json": {
              id: string;
              issuer: string | null;
              /** @description The x of the holder's key. */
              holder: string;
              rspec: {
                /** @description Cores. */
                "cpu.max"?: number;
                "cpu.weight"?: number;
                /** @description Whole cores, for nobody else meanwhile. */
                "cpu.cores"?: number;
                /**
                 * @description The whole node: all others are frozen meanwhile.
                 * @enum {number}
                 */
                node?: 1;
                "memory.max"?: number;
                "pids.max"?: number;
                "io.weight"?: number;
                "disk.bytes"?: number;
                "disk.inodes"?: number;
                "net.up.min"?: number;
                "net.up.max"?: number;
                "net.down.min"?: number;
                "net.down.max"?: number;
                "net.weight"?: number;
                "net.connections"?: number;
                "net.up.day.bytes"?: number;
                "net.down.day.bytes"?: number;
              };
              /**
               * Format: date-time
               * @description From when it is good (RFC 3339, UTC).
               */
              from: string;
              /**
               * Format: date-time
               * @description Until when (RFC 3339, UTC).
               */
              until: string;
              slice: string | null;
              /**
               * Format: date-time
               * @description When it was issued (RFC 3339, UTC).
               */
              issuedAt: string;
              revoked: boolean;
            };
          };
        };
        /** @description What went wrong (docs/errors.md) */
        default: {
          content: {
            "application/problem+json": components["schemas"]["Problem"];
          };
        };
      };
    };
  };
  "/v1/tickets/verify": {
    /** What a ticket of this node promises, or why it is none */
    post: {
      requestBody: {
        content: {
          "application/json": {
            ticket: string;
          };
        };
      };
      responses: {
        /** @description Default Response */
        200: {
          content: {
            "application/json": {
              /** @description Of each link, the first ahead. */
              ids: string[];
              /** @description Who may give it on; null: it is for a sliver. */
              holder: {
                /** @enum {string} */
                kty: "OKP";
                /** @enum {string} */
                crv: "Ed25519";
                x: string;
              } | null;
              rspec: {
                /** @description Cores. */
                "cpu.max"?: number;
                "cpu.weight"?: number;
                /** @description Whole cores, for nobody else meanwhile. */
                "cpu.cores"?: number;
                /**
                 * @description The whole node: all others are frozen meanwhile.
                 * @enum {number}
                 */
                node?: 1;
                "memory.max"?: number;
                "pids.max"?: number;
                "io.weight"?: number;
                "disk.bytes"?: number;
                "disk.inodes"?: number;
                "net.up.min"?: number;
                "net.up.max"?: number;
                "net.down.min"?: number;
                "net.down.max"?: number;
                "net.weight"?: number;
                "net.connections"?: number;
                "net.up.day.bytes"?: number;
                "net.down.day.bytes"?: number;
              };
              /**
               * Format: date-time
               * @description From when it is good (RFC 3339, UTC).
               */
              from: string;
              /**
               * Format: date-time
               * @description Until when (RFC 3339, UTC).
               */
              until: string;
              slice: string | null;
            };
          };
        };
        /** @description What went wrong (docs/errors.md) */
        default: {
          content: {
            "application/problem+json": components["schemas"]["Problem"];
          };
        };
      };
    };
  };
  "/v1/leases": {
    /** Leases that are not over, by when they begin */
    get: {
      parameters: {
        query?: {
          sliver?: string;
        };
      };
      responses: {
        /** @description Default Response */
        200: {
          content: {
            "application/json": {
              items: ({
                  id: string;
                  sliver: string;
                  rspec: {
                    /** @description Cores. */
                    "cpu.max"?: number;
                    "cpu.weight"?: number;
                    /** @description Whole cores, for nobody else meanwhile. */
                    "cpu.cores"?: number;
                    /**
                     * @description The whole node: all others are frozen meanwhile.
                     * @enum {number}
                     */
                    node?: 1;
                    "memory.max"?: number;
                    "pids.max"?: number;
                    "io.weight"?: number;
                    "disk.bytes"?: number;
                    "disk.inodes"?: number;
                    "net.up.min"?: number;
                    "net.up.max"?: number;
                    "net.down.min"?: number;
                    "net.down.max"?: number;
                    "net.weight"?: number;
                    "net.connections"?: number;
                    "net.up.day.bytes"?: number;
                    "net.down.day.bytes"?: number;
                  };
                  /**
                   * Format: date-time
                   * @description From when it is had (RFC 3339, UTC).
                   */
                  from: string;
                  /**
                   * Format: date-time
                   * @description Until when (RFC 3339, UTC).
                   */
                  until: string;
                  /**
                   * Format: date-time
                   * @description Until when its ticket would have it (RFC 3339, UTC).
                   */
                  latest: string;
                  /** @description Those that it has alone, by number. */
                  cores: number[];
                  /** @enum {unknown} */
                  unused: "idle" | "shared";
                  /**
                   * @description As the clock has it.
                   * @enum {unknown}
                   */
                  state: "pending" | "active" | "ended";
                  /**
                   * Format: date-time
                   * @description When its ticket was redeemed (RFC 3339, UTC).
                   */
                  redeemedAt: string;
                  issuer: string | null;
                  /** @description Of each of its ticket's links, the first ahead. */
                  tickets: string[];
                })[];
            };
          };
        };
        /** @description What went wrong (docs/errors.md) */
        default: {
          content: {
            "application/problem+json": components["schemas"]["Problem"];
          };
        };
      };
    };
    /** Redeems a ticket: its resources, for the sliver that it is for, until they end by the clock */
    post: {
      requestBody: {
        content: {
          "application/json": {
            /** @description Who gets it: the one that the ticket is for. */
            sliver: string;
            ticket: string;
            /**
             * Format: date-time
             * @description From when; default: now (RFC 3339, UTC).
             */
            from?: string;
            /**
             * Format: date-time
             * @description Until when; default: the ticket's end (RFC 3339, UTC).
             */
            until?: string;
            /**
             * @description What becomes of its cores (cpu.cores) while it has nothing to do: nobody uses them (default), or all others do.
             * @enum {unknown}
             */
            unused?: "idle" | "shared";
          };
        };
      };
      responses: {
        /** @description Default Response */
        201: {
          content: {
            "application/json": {
              id: string;
              sliver: string;
              rspec: {
                /** @description Cores. */
                "cpu.max"?: number;
                "cpu.weight"?: number;
                /** @description Whole cores, for nobody else meanwhile. */
                "cpu.cores"?: number;
                /**
                 * @description The whole node: all others are frozen meanwhile.
                 * @enum {number}
                 */
                node?: 1;
                "memory.max"?: number;
                "pids.max"?: number;
                "io.weight"?: number;
                "disk.bytes"?: number;
                "disk.inodes"?: number;
                "net.up.min"?: number;
                "net.up.max"?: number;
                "net.down.min"?: number;
                "net.down.max"?: number;
                "net.weight"?: number;
                "net.connections"?: number;
                "net.up.day.bytes"?: number;
                "net.down.day.bytes"?: number;
              };
              /**
               * Format: date-time
               * @description From when it is had (RFC 3339, UTC).
               */
              from: string;
              /**
               * Format: date-time
               * @description Until when (RFC 3339, UTC).
               */
              until: string;
              /**
               * Format: date-time
               * @description Until when its ticket would have it (RFC 3339, UTC).
               */
              latest: string;
              /** @description Those that it has alone, by number. */
              cores: number[];
              /** @enum {unknown} */
              unused: "idle" | "shared";
              /**
               * @description As the clock has it.
               * @enum {unknown}
               */
              state: "pending" | "active" | "ended";
              /**
               * Format: date-time
               * @description When its ticket was redeemed (RFC 3339, UTC).
               */
              redeemedAt: string;
              issuer: string | null;
              /** @description Of each of its ticket's links, the first ahead. */
              tickets: string[];
            };
          };
        };
        /** @description What went wrong (docs/errors.md) */
        default: {
          content: {
            "application/problem+json": components["schemas"]["Problem"];
          };
        };
      };
    };
  };
  "/v1/leases/{id}": {
    /** One lease; for a day after its end too */
    get: {
      parameters: {
        path: {
          id: string;
        };
      };
      responses: {
        /** @description Default Response */
        200: {
          content: {
            "application/json": {
              id: string;
              sliver: string;
              rspec: {
                /** @description Cores. */
                "cpu.max"?: number;
                "cpu.weight"?: number;
                /** @description Whole cores, for nobody else meanwhile. */
                "cpu.cores"?: number;
                /**
                 * @description The whole node: all others are frozen meanwhile.
                 * @enum {number}
                 */
                node?: 1;
                "memory.max"?: number;
                "pids.max"?: number;
                "io.weight"?: number;
                "disk.bytes"?: number;
                "disk.inodes"?: number;
                "net.up.min"?: number;
                "net.up.max"?: number;
                "net.down.min"?: number;
                "net.down.max"?: number;
                "net.weight"?: number;
                "net.connections"?: number;
                "net.up.day.bytes"?: number;
                "net.down.day.bytes"?: number;
              };
              /**
               * Format: date-time
               * @description From when it is had (RFC 3339, UTC).
               */
              from: string;
              /**
               * Format: date-time
               * @description Until when (RFC 3339, UTC).
               */
              until: string;
              /**
               * Format: date-time
               * @description Until when its ticket would have it (RFC 3339, UTC).
               */
              latest: string;
              /** @description Those that it has alone, by number. */
              cores: number[];
              /** @enum {unknown} */
              unused: "idle" | "shared";
              /**
               * @description As the clock has it.
               * @enum {unknown}
               */
              state: "pending" | "active" | "ended";
              /**
               * Format: date-time
               * @description When its ticket was redeemed (RFC 3339, UTC).
               */
              redeemedAt: string;
              issuer: string | null;
              /** @description Of each of its ticket's links, the first ahead. */
              tickets: string[];
            };
          };
        };
        /** @description What went wrong (docs/errors.md) */
        default: {
          content: {
            "application/problem+json": components["schemas"]["Problem"];
          };
        };
      };
    };
    /** Gives it back before its end */
    delete: {
      parameters: {
        path: {
          id: string;
        };
      };
      responses: {
        /** @description It is over. */
        204: {
          content: never;
        };
        /** @description What went wrong (docs/errors.md) */
        default: {
          content: {
            "application/problem+json": components["schemas"]["Problem"];
          };
        };
      };
    };
    /** Another end, within its ticket's time */
    patch: {
      parameters: {
        path: {
          id: string;
        };
      };
      requestBody: {
        content: {
          "application/json": {
            /**
             * Format: date-time
             * @description Until when (RFC 3339, UTC).
             */
            until: string;
          };
        };
      };
      responses: {
        /** @description Default Response */
        200: {
          content: {
            "application/json": {
              id: string;
              sliver: string;
              rspec: {
                /** @description Cores. */
                "cpu.max"?: number;
                "cpu.weight"?: number;
                /** @description Whole cores, for nobody else meanwhile. */
                "cpu.cores"?: number;
                /**
                 * @description The whole node: all others are frozen meanwhile.
                 * @enum {number}
                 */
                node?: 1;
                "memory.max"?: number;
                "pids.max"?: number;
                "io.weight"?: number;
                "disk.bytes"?: number;
                "disk.inodes"?: number;
                "net.up.min"?: number;
                "net.up.max"?: number;
                "net.down.min"?: number;
                "net.down.max"?: number;
                "net.weight"?: number;
                "net.connections"?: number;
                "net.up.day.bytes"?: number;
                "net.down.day.bytes"?: number;
              };
              /**
               * Format: date-time
               * @description From when it is had (RFC 3339, UTC).
               */
              from: string;
              /**
               * Format: date-time
               * @description Until when (RFC 3339, UTC).
               */
              until: string;
              /**
               * Format: date-time
               * @description Until when its ticket would have it (RFC 3339, UTC).
               */
              latest: string;
              /** @description Those that it has alone, by number. */
              cores: number[];
              /** @enum {unknown} */
              unused: "idle" | "shared";
              /**
               * @description As the clock has it.
               * @enum {unknown}
               */
              state: "pending" | "active" | "ended";
              /**
               * Format: date-time
               * @description When its ticket was redeemed (RFC 3339, UTC).
               */
              redeemedAt: string;
              issuer: string | null;
              /** @description Of each of its ticket's links, the first ahead. */
              tickets: string[];
            };
          };
        };
        /** @description What went wrong (docs/errors.md) */
        default: {
          content: {
            "application/problem+json": components["schemas"]["Problem"];
          };
        };
      };
    };
  };
  "/v1/loans": {
    /** What slivers have of each other for a time, by when that began */
    get: {
      parameters: {
        query?: {
          sliver?: string;
        };
      };
      responses: {
        /** @description Default Response */
        200: {
          content: {
            "application/json": {
              items: ({
                  id: string;
                  lender: string;
                  borrower: string;
                  rspec: {
                    /** @description Cores. */
                    "cpu.max"?: number;
                    "cpu.weight"?: number;
                    /** @description Whole cores, for nobody else meanwhile. */
                    "cpu.cores"?: number;
                    /**
                     * @description The whole node: all others are frozen meanwhile.
                     * @enum {number}
                     */
                    node?: 1;
                    "memory.max"?: number;
                    "pids.max"?: number;
                    "io.weight"?: number;
                    "disk.bytes"?: number;
                    "disk.inodes"?: number;
                    "net.up.min"?: number;
                    "net.up.max"?: number;
                    "net.down.min"?: number;
                    "net.down.max"?: number;
                    "net.weight"?: number;
                    "net.connections"?: number;
                    "net.up.day.bytes"?: number;
                    "net.down.day.bytes"?: number;
                  };
                  /**
                   * Format: date-time
                   * @description Since when (RFC 3339, UTC).
                   */
                  from: string;
                  /**
                   * Format: date-time
                   * @description Until when (RFC 3339, UTC).
                   */
                  until: string;
                  /**
                   * @description As the clock has it.
                   * @enum {unknown}
                   */
                  state: "pending" | "active" | "ended";
                })[];
            };
          };
        };
        /** @description What went wrong (docs/errors.md) */
        default: {
          content: {
            "application/problem+json": components["schemas"]["Problem"];
          };
        };
      };
    };
    /** Lends of a sliver's own resources to another of this node */
    post: {
      requestBody: {
        content: {
          "application/json": {
            /** @description Who lends. */
            sliver: string;
            /** @description The sliver of this node that gets it. */
            to: string;
            rspec: {
              /** @description Cores. */
              "cpu.max"?: number;
              "cpu.weight"?: number;
              /** @description Whole cores, for nobody else meanwhile. */
              "cpu.cores"?: number;
              /**
               * @description The whole node: all others are frozen meanwhile.
               * @enum {number}
               */
              node?: 1;
              "memory.max"?: number;
              "pids.max"?: number;
              "io.weight"?: number;
              "disk.bytes"?: number;
              "disk.inodes"?: number;
              "net.up.min"?: number;
              "net.up.max"?: number;
              "net.down.min"?: number;
              "net.down.max"?: number;
              "net.weight"?: number;
              "net.connections"?: number;
              "net.up.day.bytes"?: number;
              "net.down.day.bytes"?: number;
            };
            /**
             * Format: date-time
             * @description Until when (RFC 3339, UTC).
             */
            until: string;
          };
        };
      };
      responses: {
        /** @description Default Response */
        201: {
          content: {
            "application/json": {
              id: string;
              lender: string;
              borrower: string;
              rspec: {
                /** @description Cores. */
                "cpu.max"?: number;
                "cpu.weight"?: number;
                /** @description Whole cores, for nobody else meanwhile. */
                "cpu.cores"?: number;
                /**
                 * @description The whole node: all others are frozen meanwhile.
                 * @enum {number}
                 */
                node?: 1;
                "memory.max"?: number;
                "pids.max"?: number;
                "io.weight"?: number;
                "disk.bytes"?: number;
                "disk.inodes"?: number;
                "net.up.min"?: number;
                "net.up.max"?: number;
                "net.down.min"?: number;
                "net.down.max"?: number;
                "net.weight"?: number;
                "net.connections"?: number;
                "net.up.day.bytes"?: number;
                "net.down.day.bytes"?: number;
              };
              /**
               * Format: date-time
               * @description Since when (RFC 3339, UTC).
               */
              from: string;
              /**
               * Format: date-time
               * @description Until when (RFC 3339, UTC).
               */
              until: string;
              /**
               * @description As the clock has it.
               * @enum {unknown}
               */
              state: "pending" | "active" | "ended";
            };
          };
        };
        /** @description What went wrong (docs/errors.md) */
        default: {
          content: {
            "application/problem+json": components["schemas"]["Problem"];
          };
        };
      };
    };
  };
  "/v1/loans/{id}": {
    /** One loan */
    get: {
      parameters: {
        path: {
          id: string;
        };
      };
      responses: {
        /** @description Default Response */
        200: {
          content: {
            "application/json": {
              id: string;
              lender: string;
              borrower: string;
              rspec: {
                /** @description Cores. */
                "cpu.max"?: number;
                "cpu.weight"?: number;
                /** @description Whole cores, for nobody else meanwhile. */
                "cpu.cores"?: number;
                /**
                 * @description The whole node: all others are frozen meanwhile.
                 * @enum {number}
                 */
                node?: 1;
                "memory.max"?: number;
                "pids.max"?: number;
                "io.weight"?: number;
                "disk.bytes"?: number;
                "disk.inodes"?: number;
                "net.up.min"?: number;
                "net.up.max"?: number;
                "net.down.min"?: number;
                "net.down.max"?: number;
                "net.weight"?: number;
                "net.connections"?: number;
                "net.up.day.bytes"?: number;
                "net.down.day.bytes"?: number;
              };
              /**
               * Format: date-time
               * @description Since when (RFC 3339, UTC).
               */
              from: string;
              /**
               * Format: date-time
               * @description Until when (RFC 3339, UTC).
               */
              until: string;
              /**
               * @description As the clock has it.
               * @enum {unknown}
               */
              state: "pending" | "active" | "ended";
            };
          };
        };
        /** @description What went wrong (docs/errors.md) */
        default: {
          content: {
            "application/problem+json": components["schemas"]["Problem"];
          };
        };
      };
    };
    /** Takes it back, or gives it back */
    delete: {
      parameters: {
        path: {
          id: string;
        };
      };
      responses: {
        /** @description It is over. */
        204: {
          content: never;
        };
        /** @description What went wrong (docs/errors.md) */
        default: {
          content: {
            "application/problem+json": components["schemas"]["Problem"];
          };
        };
      };
    };
  };
}

export type webhooks = Record<string, never>;

export interface components {
  schemas: {
    /** @description Problem details (RFC 9457). */
    Problem: {
      type: string;
      title: string;
      status: number;
      detail: string;
      /** @description Stable; see docs/errors.md. */
      code: string;
      [key: string]: unknown;
    };
  };
  responses: never;
  parameters: never;
  requestBodies: never;
  headers: never;
  pathItems: never;
}

export type $defs = Record<string, never>;

export type external = Record<string, never>;

export type operations = Record<string, never>;
