import { transportBehaviours, type TransportHarness } from 'taskwright/testing'

type Test = (name: string, run: (() => Promise<void>) | undefined) => void

/** One test for each behaviour; what the transport's capabilities leave out has nothing to run. */
export function conformance(harness: TransportHarness, test: Test): void {
  for (const { name, needs, run } of transportBehaviours) {
    const applies = needs === undefined || harness.capabilities[needs]
    test(name, applies ? () => run(harness) : undefined)
  }
}
export {}
