// The official suite as of 0.2.0-alpha.12, by the requirement sets that it freezes for each revision.
import { judgeServer } from '../lib/official.mjs';

// What both sets hold, and how many checks each scenario makes.
const BOTH = {
  'completion-complete': 2,
  'tools-call-simple-text': 2,
  'tools-call-image': 2,
  'tools-call-audio': 2,
  'tools-call-embedded-resource': 2,
  'tools-call-mixed-content': 2,
  'tools-call-error': 2,
  'tools-call-with-progress': 2,
  'resources-list': 2,
  'resources-read-text': 2,
  'resources-read-binary': 2,
  'resources-templates-read': 2,
  'prompts-list': 2,
  'prompts-get-simple': 2,
  'prompts-get-with-args': 2,
  'prompts-get-embedded-resource': 2,
  'prompts-get-with-image': 2,
  'dns-rebinding-protection': 2,
  'json-schema-2020-12': 8,
};

await judgeServer({
  title: 'conformance 0.2.0-alpha.12',
  folder: import.meta.dirname,
  runs: [
    {
      title: '2026-07-28',
      args: ['--requirements', '2026-07-28'],
      expected: {
        ...BOTH,
        'server-stateless': 25,
        'tools-list': 4,
        'server-sse-multiple-streams': 1,
        'sep-2164-resource-not-found': 4,
        caching: 8,
        'input-required-result-basic-elicitation': 3,
        'input-required-result-basic-sampling': 3,
        'input-required-result-basic-list-roots': 3,
        'input-required-result-request-state': 3,
        'input-required-result-multiple-input-requests': 3,
        'input-required-result-multi-round': 4,
        'input-required-result-missing-input-response': 1,
        'input-required-result-non-tool-request': 3,
        'input-required-result-result-type': 2,
        'input-required-result-unsupported-methods': 2,
        'input-required-result-tampered-state': 2,
        'input-required-result-capability-check': 2,
        'input-required-result-ignore-extra-params': 1,
        'input-required-result-validate-input': 3,
        'http-header-validation': 14,
        'http-custom-header-server-validation': 10,
      },
    },
  ],
});
