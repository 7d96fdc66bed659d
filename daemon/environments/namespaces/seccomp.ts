import { SliverdError } from '../../errors.ts';
import type { KernelProfile, SeccompRule } from '../profiles.ts';

/** Every ABI of the machine has its own system call numbers; one that isn't listed is killed by the filter. */
const ARCHITECTURES: Record<string, string[]> = {
  x64: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
  arm64: ['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM'],
};
const ERRNO = { EPERM: 1, ENOSYS: 38 } as const;
const INT = 0xffffffff;

/** The profile's refused calls as `linux.seccomp` of an OCI configuration (docs/decisions/0004-seccomp-deny-list.md). */
export function ociSeccomp(profile: KernelProfile, arch: string): object {
  const architectures = ARCHITECTURES[arch];
  if (!architectures)
    throw new SliverdError('unsupported', `no seccomp filter is known for the architecture ${arch}`);
  return {
    defaultAction: 'SCMP_ACT_ALLOW',
    architectures,
    syscalls: profile.seccomp.flatMap((group) => group.refuse).flatMap(ociRule),
  };
}

/** A condition of several values becomes a rule for each: the runtime joins conditions of one rule by "and". */
function ociRule(rule: SeccompRule): object[] {
  let combinations: object[][] = [[]];
  for (const condition of rule.when ?? []) {
    const index = condition.argument;
    const choices =
      'is' in condition
        ? condition.is.map((value) => ({
            index,
            value: condition.mask ?? INT,
            valueTwo: value,
            op: 'SCMP_CMP_MASKED_EQ',
          }))
        : [{ index, value: condition.atLeast, op: 'SCMP_CMP_GE' }];
    combinations = combinations.flatMap((had) => choices.map((choice) => [...had, choice]));
  }
  return combinations.map((args) => ({
    names: rule.calls,
    action: 'SCMP_ACT_ERRNO',
    errnoRet: ERRNO[rule.errno],
    ...(args.length > 0 ? { args } : {}),
  }));
}
