/** The two tasks that taskiq-pipelines shares between all workers. */
export const pipeTasks = {
  wait: 'taskiq_pipelines.shared.wait_tasks',
  filter: 'taskiq_pipelines.shared.filter_tasks',
} as const
