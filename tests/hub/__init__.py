"""A Hub on loopback for the tests: a process that speaks the HTTP API of the real clients.

It answers `huggingface_hub` and `datasets` as the Hub does, as far as this project uses them, and
it can fail on request. Read in this order: `store` (repositories as plain data), `messages`
(request, answer, refusal), `access` (who may do what), `repositories`, `content` and `transfer`
(the answers), `faults` (failing on request), `server` (the table of routes), `fixtures` (how a
test gets one). `test_hub` proves it with the real clients.

Not modelled: rate limits, moderation, resource groups, Spaces, the data viewer, short-lived
upload links. Storage is a folder, so a killed server finds everything again when it restarts.
"""
