import { readFileSync } from 'node:fs';

// What reports of vitest's (--reporter=json) say in all, for the end of a long run: what failed and why, and how many.
interface Report {
  numPassedTests: number;
  numFailedTests: number;
  testResults: Result[];
}
interface Result {
  name: string;
  status: string;
  message: string;
  assertionResults: { status: string; fullName: string; failureMessages: string[] }[];
}

let [passed, failed] = [0, 0];
for (const file of process.argv.slice(2)) {
  const { numPassedTests, numFailedTests, testResults } = JSON.parse(readFileSync(file, 'utf8')) as Report;
  passed += numPassedTests;
  failed += numFailedTests;
  for (const { name, status, message, assertionResults } of testResults) {
    if (status !== 'failed') continue;
    console.log(`\nFAILED ${name}${message ? `: ${message}` : ''}`);
    let before = '';
    for (const { status, fullName, failureMessages } of assertionResults) {
      if (status !== 'failed') continue;
      const why = failureMessages.join('\n').slice(0, 2000);
      // Where one failure brings the next, the first is what to read.
      console.log(`- ${fullName}\n  ${why === before ? 'as before' : why}`);
      before = why;
    }
  }
}
console.log(`${passed} passed, ${failed} failed`);
