import { SliverdError } from '../errors.ts';

const TYPES =
  /^(ssh-(ed25519|rsa|dss)|ecdsa-sha2-nistp(256|384|521)|sk-(ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com|(ssh-(ed25519|rsa)|ecdsa-sha2-nistp(256|384|521)|sk-ssh-ed25519|sk-ecdsa-sha2-nistp256)-cert-v01@openssh\.com)$/;

/** Checks one authorized_keys line (sshd(8)): options, key type, base64 whose own first field is that type. */
export function checkKey(line: string): string {
  const refuse = (why: string): never => {
    throw new SliverdError(
      'bad-request',
      `the key '${line.slice(0, 40)}…' is not a line of authorized_keys: ${why}`,
    );
  };
  if (/[\r\n\0]/.test(line)) refuse('it has more than one line');
  // Options come first and may hold quoted blanks.
  const fields = line.trim().match(/(?:"(?:\\.|[^"\\])*"|[^\s"])+/g) ?? [];
  const at = fields.findIndex((field, index) => index < 2 && TYPES.test(field));
  if (at < 0) return refuse('no key type that OpenSSH knows stands where one should');
  const blob = Buffer.from(fields[at + 1] ?? '', 'base64');
  const length = blob.length >= 4 ? blob.readUInt32BE(0) : 0;
  if (blob.toString('latin1', 4, 4 + length) !== fields[at])
    refuse('the base64 after the type is damaged or of another type');
  return line.trim();
}
