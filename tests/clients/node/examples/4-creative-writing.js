const response = await env.AI.run( 'anthropic/claude-haiku-4.5', { messages: [ { role: 'user', content: 'Write a short story opening about a detective finding an unusual clue.', }, ], max_tokens: 512, temperature: 0.8, }, { gateway: { id: 'default' }, })
console.log(response)
