import { broker } from './broker.ts'

export const greet = broker.task('greet', async (name: string) => `hello ${name}`)
