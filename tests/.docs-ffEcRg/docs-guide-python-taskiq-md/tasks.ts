// tasks.ts
import { broker } from './broker.ts'

export const resize = broker.task(
  { name: 'images.resize', params: ['file', 'width'] },
  async (file: string, width: number) => ({ file, width }),
)
export {}
