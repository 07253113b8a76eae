// name: pow-ints
return [2 ** 10, 3 ** 5, 10 ** 15]
