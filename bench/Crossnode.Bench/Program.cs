using Crossnode.Bench;

// State transfer: dotnet run -c Release --project bench/Crossnode.Bench -- --holders 3 --rate 50000000
// Operations are timed by crossnode bench.
return StateBench.Run(args);
