const response = await env.AI.run( 'anthropic/claude-haiku-4.5', { system: 'You are a helpful coding assistant specializing in Python.', messages: [ { role: 'user', content: 'How do I read a JSON file in Python?', }, ], max_tokens: 1024, temperature: 0.3, }, { gateway: { id: 'default' }, })
console.log(response)
