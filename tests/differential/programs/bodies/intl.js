// name: number-format
// taints: locale
return [(1234567.891).toLocaleString(), new Intl.NumberFormat('de-DE').format(1234.5), (0.5).toLocaleString('en', { style: 'percent' })]
// name: date-time-format
// taints: locale
return [new Intl.DateTimeFormat('en-US', { timeZone: 'UTC' }).format(0), typeof Intl.DateTimeFormat().resolvedOptions().timeZone]
// name: collator
// taints: locale
return ['z', 'ä', 'a'].sort(new Intl.Collator('de').compare)
// name: plural-rules
// taints: locale
return [new Intl.PluralRules('en').select(1), new Intl.PluralRules('en', { type: 'ordinal' }).select(2)]
// name: list-and-relative
// taints: locale
return [new Intl.ListFormat('en').format(['a', 'b', 'c']), new Intl.RelativeTimeFormat('en').format(-1, 'day')]
// name: names
// taints: locale
return [typeof Intl, typeof Intl.Segmenter, Intl.getCanonicalLocales('EN-us'), Object.prototype.toString.call(Intl)]
// name: bigint-locale
// taints: locale
return (12345678901234567890n).toLocaleString('en-US')
// name: array-locale
// taints: locale
return [[1234.5, 'a', null, undefined].toLocaleString(), [].toLocaleString()]
// name: object-locale
return [({}).toLocaleString(), ({ toString: () => 'own' }).toLocaleString()]
