// A text, a stream and an error through `ai` with @ai-sdk/anthropic; prints what came back as JSON.
import { createAnthropic } from '@ai-sdk/anthropic';
import { generateText, streamText } from 'ai';

const provider = createAnthropic({ baseURL: `${process.argv[2]}/ai/v1`, apiKey: 'k' });
const asked = { model: provider('anthropic/claude-haiku-4.5'), prompt: 'Hello', maxOutputTokens: 64, maxRetries: 0 };

const whole = await generateText(asked);
const stream = streamText(asked);
let text = '';
for await (const piece of stream.textStream) text += piece;
let refused = null;
try {
  await generateText({ ...asked, system: 'Be brief.' }); // sent as an array of blocks, which the schema does not allow
} catch (error) {
  refused = { status: error.statusCode, body: error.responseBody };
}
console.log(
  JSON.stringify({
    text: whole.text,
    reason: whole.finishReason,
    usage: whole.usage,
    streamed: text,
    streamedReason: await stream.finishReason,
    refused,
  }),
);
