// Asks through `workers-ai-provider` and the AI binding of a Worker, whole and as a stream.
import { generateText, streamText } from 'ai';
import { createWorkersAI } from 'workers-ai-provider';
import { anthropic } from 'workers-ai-provider/anthropic';

const thrown = async (call) => {
  try {
    return await call();
  } catch (error) {
    return { status: error.statusCode, body: error.responseBody };
  }
};

export default {
  async fetch(_request, env) {
    const provider = createWorkersAI({ binding: env.AI, providers: [anthropic] });
    const asked = () => ({
      model: provider('anthropic/claude-haiku-4.5'), prompt: 'Hello', maxOutputTokens: 64, maxRetries: 0,
    });
    const whole = await generateText(asked());
    const streaming = streamText(asked());
    const pieces = [];
    for await (const piece of streaming.textStream) pieces.push(piece);
    const refused = await thrown(() => generateText({ ...asked(), system: 'Be brief.' }));
    return Response.json({
      text: whole.text, reason: whole.finishReason, pieces, streamedReason: await streaming.finishReason, refused,
    });
  },
};
