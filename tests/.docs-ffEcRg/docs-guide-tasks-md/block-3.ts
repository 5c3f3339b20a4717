import { createBroker } from 'taskwright'

const broker = createBroker('memory:')
broker.task(
  {
    name: 'file.process',
    aliases: ['reflector.pipelines.main_file_pipeline.task_pipeline_file_process'],
  },
  async (transcriptId: string) => transcriptId,
)
await broker.stop()
export {}
