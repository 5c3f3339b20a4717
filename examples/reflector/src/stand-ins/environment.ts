import { standInAccess as access } from './stand-ins.ts'

/** The environment of an application that lives in the world of the stand-ins at `url`. */
export function standInEnvironment(url: string): Record<string, string> {
  return {
    OBJECT_STORE_URL: `${url}/store`,
    OBJECT_STORE_KEY: access.storeKey,
    OBJECT_STORE_SECRET: access.storeSecret,
    RECORDING_BUCKET: access.recordingBucket,
    TRANSCRIPT_BUCKET: access.transcriptBucket,
    AWS_PROCESS_RECORDING_QUEUE_URL: `${url}/queue/${access.recordingQueue}`,
    TRANSCRIPT_URL: `${url}/transcriber`,
    DIARIZATION_URL: `${url}/diarizer`,
    LLM_URL: `${url}/llm`,
    ZULIP_URL: `${url}/zulip`,
    ZULIP_BOT_EMAIL: access.botEmail,
    ZULIP_API_KEY: access.botKey,
    WHEREBY_API_URL: `${url}/whereby`,
    WHEREBY_API_KEY: access.wherebyKey,
    WHEREBY_WEBHOOK_SECRET: 'whereby-webhook-secret',
    HEALTHCHECK_URL: `${url}/health/ping`,
  }
}
