"""What the exercises ask, in order: the check of each question, its title, and the section to read again.

The titles and sections are those of the notebooks; a test compares them.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Task:
    """A question of an exercise: the name of its check, its title, and where its lesson teaches what it needs."""

    check: str
    title: str
    section: str
    lesson: str = ""  # where it is not the exercise's own
    part: str = ""  # what this check is about, where a question has several


EXERCISES = {
    "01_mlp_memory_and_throughput": (
        Task("layer_parameters", "Parameters of a layer", "2 · Weights"),
        Task("network_bytes", "Bytes of a network", "2 · Weights"),
        Task("double_the_width", "Twice the width", "2 · Weights"),
        Task("backward_flops", "The way back", "6 · Operations: 2nm forward, 4nm backward"),
        Task("crossover_batch", "When activations catch up", "3 · Activations"),
        Task("largest_batch", "The largest batch", "5 · What training really keeps"),
        Task("examples_per_second", "Throughput", "7 · Throughput"),
        Task("slip_in_report", "Find the slip", "How one finds such a slip"),
        Task("training_flops", "Any network", "6 · Operations: 2nm forward, 4nm backward"),
    ),
    "02_counting_parameters": (
        Task("gpt2_layer_parameters", "A layer of GPT-2", "3 · The rule 12 L d²"),
        Task("width_of_balance", "Half dictionary", "3 · The rule 12 L d²"),
        Task("grouped_attention_weights", "Shared keys and values", "6 · From 2017 to now"),
        Task("twice_the_heads", "Twice the heads", "6 · From 2017 to now"),
        Task("gated_width", "The odd width of Llama", "6 · From 2017 to now"),
        Task("parameters_of_config", "To the last parameter", "6 · From 2017 to now"),
        Task("encoder_decoder_weights", "Two stacks", "Further · Encoder, decoder, both (8 minutes)"),
        Task("slip_in_count", "Find the slip", "2 · A line that does not multiply out"),
        Task("mixture_parameters", "A mixture of experts", "6 · From 2017 to now", part="all parameters"),
        Task("active_parameters", "A mixture of experts", "6 · From 2017 to now", part="those that work"),
    ),
    "03_training_compute_6pd": (
        Task("experts_training_flops", "A model with experts", "2 · Which parameters are multiplied?"),
        Task("work_in_pflop_days", "PFLOP-days", "6 · FLOP is a count, FLOP/s a rate"),
        Task("lookup_and_output", "Two tables of one size", "2 · Which parameters are multiplied?"),
        Task("days_of_training", "Days on the calendar", "6 · FLOP is a count, FLOP/s a rate"),
        Task("attention_catches_up", "When attention catches up", "3 · What no parameter stands for"),
        Task("slip_in_mfu", "Find the slip", "7 · Which peak, and what share of it?"),
        Task("recomputation_factor", "The price of recomputation", "5 · Paying twice: recomputation"),
        Task("mfu_of_pythia", "The MFU of a published run", "4 · The gap, closed"),
        Task("cheapest_in_time", "Four offers", "7 · Which peak, and what share of it?"),
    ),
    "04_chinchilla_20_tokens": (
        Task("budget_by_rule", "What a size costs", "5 · The rule of twenty"),
        Task("hundred_times_the_budget", "A hundred times the budget", "4 · The best size for a budget"),
        Task("size_for_the_cluster", "What a cluster buys", "5 · The rule of twenty"),
        Task("growth_for_lower_loss", "A loss that is lower by a part", "2 · Ten percent better"),
        Task("size_when_tokens_cost_more", "Tokens get dearer", "4 · The best size for a budget"),
        Task("slip_in_allocation", "Find the slip", "5 · The rule of twenty"),
        Task("tokens_at_half_the_size", "Half the size, the same loss", "3 · Two ways to fall short"),
        Task("served_until_even", "When the smaller one is cheaper", "9 · After training, the model works"),
        Task("size_for_the_service", "The size for a service", "9 · After training, the model works"),
    ),
    "05_number_formats": (
        Task("left_beside_weights", "A card of 24 GB", "1 · Bytes of a model"),
        Task("formats_that_move", "Does it move?", "4 · The update that disappears"),
        Task("largest_of_format", "The largest value of a small format", "2 · What the bits say"),
        Task("first_number_lost", "The first number that is lost", "3 · Where the numbers lie"),
        Task("factor_for_gradients", "A factor for the gradients", "5 · The gradient that disappears"),
        Task("bytes_with_scales", "Some in 16 bits, some in few", "6 · Few bits and a scale"),
        Task("error_of_a_block", "One outlier", "6 · Few bits and a scale"),
        Task("slip_in_few_bits", "Find the slip", "6 · Few bits and a scale"),
        Task("best_that_fits", "The best that fits", "7 · A real model"),
    ),
    "06_optimizer_states": (
        Task("bytes_of_the_recipe", "A recipe in words", "5 · The quarrel: 12, 16, 18, 20"),
        Task("true_of_the_quarrel", "What is true of the quarrel?", "5 · The quarrel: 12, 16, 18, 20"),
        Task("adam_direction", "Write Adam", "1 · What an update has to remember"),
        Task("two_moments_in_few_bits", "Moments in few bits", "3 · States in eight bits"),
        Task(
            "adamw_over_factored",
            "One moment in two factors",
            "Further: a second moment with fewer numbers (5 minutes)",
        ),
        Task("bytes_with_frozen_layers", "Most layers stay as they are", "4 · Sixteen, by a second road"),
        Task("slip_in_states", "Find the slip", "5 · The quarrel: 12, 16, 18, 20"),
        Task("fullest_moment", "The fullest moment", "7 · The fullest moment of a step"),
        Task("cheapest_hour", "The cheapest hour", "5 · The quarrel: 12, 16, 18, 20"),
    ),
    "07_activation_memory": (
        Task("who_needs_its_input", "Who needs its input?", "1 · One operation at a time"),
        Task("bytes_of_squared_relu", "A feed-forward part with a square", "2 · One block, added up"),
        Task("bytes_for_dropout", "What dropout adds", "2 · One block, added up"),
        Task("tokens_of_balance", "When pairs outgrow tokens", "2 · One block, added up"),
        Task("logits_at_the_fullest", "The last layer's bill", "5 · Two ways to keep less"),
        Task("slip_in_savings", "Find the slip", "5 · Two ways to keep less"),
        Task("fullest_with_segments", "Segments", "8 · Computing again instead of keeping"),
        Task("least_with_two_levels", "Segments inside segments", "Further · Keeping only every k-th layer"),
        Task("fastest_that_fits", "The fastest step that fits", "10 · The largest batch"),
    ),
    "08_inference_and_fine_tuning": (
        Task("cache_of_a_step", "What a step leaves behind", "2 · Keys and values stay"),
        Task("cache_of_conversations", "A beginning that all have in common", "2 · Keys and values stay"),
        Task("cache_with_windows", "Layers that forget", "3 · Smaller caches"),
        Task("longest_documents", "Long documents", "2 · Keys and values stay"),
        Task("pace_together", "Several at a time", "5 · What bounds a token"),
        Task("batch_with_guesses", "Guessing ahead", "5 · What bounds a token"),
        Task("adapters_of_shared_heads", "Adapters for shared heads", "8 · LoRA: train little, but through everything"),
        Task("slip_in_tuning", "Find the slip", "9 · Full, LoRA, QLoRA: all terms"),
        Task("cheapest_conversations", "The cheapest conversation", "6 · The prompt and the answer"),
    ),
    "09_many_gpus": (
        Task("eight_times_the_gpus", "Eight times the GPUs", "2 · ZeRO: why does everybody hold everything?"),
        Task("bytes_between_machines", "Rings inside rings", "1 · Data parallel: add up, together"),
        Task(
            "bytes_under_stage_two", "Stage 2 with gradients in fp32", "2 · ZeRO: why does everybody hold everything?"
        ),
        Task("gpus_for_stage_two", "The smallest cluster", "2 · ZeRO: why does everybody hold everything?"),
        Task("block_on_each_gpu", "More GPUs than key/value heads", "4 · Tensor parallel: share each matrix"),
        Task("micro_batches_for_idle", "Few idle turns", "5 · Pipeline: share the layers"),
        Task("tokens_that_hide", "Enough to do", "6 · What hides behind computing"),
        Task("slip_in_layout", "Find the slip", "7 · All together: ten layouts that ran"),
        Task("least_time_lost", "The best of nineteen layouts", "7 · All together: ten layouts that ran"),
    ),
    "10_will_it_fit": (
        Task("three_verdicts", "Three verdicts", "3 · Fits, does not fit, too close to call"),
        Task("largest_margin", "How much margin is there?", "3 · Fits, does not fit, too close to call"),
        Task("batch_that_just_fits", "The batch that just fits", "3 · Fits, does not fit, too close to call"),
        Task("gpus_in_whole_nodes", "GPUs come by the node", "5 · Four cases"),
        Task("first_change", "The first change", "6 · The cheapest change"),
        Task("slip_in_plan", "Find the slip", "2 · ZeRO: why does everybody hold everything?", lesson="09_many_gpus"),
        Task("term_that_explains", "The term that is missing", "4 · Against what others measured"),
        Task("put_aside_for_adapters", "Money to put aside", "7 · Time and money"),
        Task("cheapest_plan", "The cheapest plan", "7 · Time and money"),
    ),
    "11_checking_the_sources": (
        Task(
            "share_of_the_right_peak",
            "More than everything",
            "7 · Which peak, and what share of it?",
            lesson="03_training_compute_6pd",
        ),
        Task(
            "terms_behind_the_totals",
            "Five totals, five sums",
            "5 · The quarrel: 12, 16, 18, 20",
            lesson="06_optimizer_states",
        ),
        Task("sending_over_computing", "Bits, bytes, and what a card reaches", "Dimensions: keep the units in the sum"),
        Task(
            "what_the_cache_counted",
            "Eight times too much",
            "3 · Smaller caches",
            lesson="08_inference_and_fine_tuning",
        ),
        Task("rows_copied_by_hand", "Four rows, copied by hand", "7 · Elsewhere in the field"),
        Task("verdict", "Rounding or slip?", "2 · Rounding, or a slip?"),
        Task("served_counted_once", "Counted once", "A second derivation: count it again in another way"),
        Task("pairs_behind_a_prompt", "A formula and its limits", "A limiting case: put in nothing, one, or very much"),
        Task("audit_of_the_page", "A page to check", "5 · Five tools"),
    ),
    "recap_04": (
        Task("share_of_the_table", "How much is dictionary?", "3 · The rule 12 L d²", lesson="02_counting_parameters"),
        Task(
            "batch_in_twice_the_memory",
            "Twice the memory",
            "4 · The largest batch",
            lesson="01_mlp_memory_and_throughput",
        ),
        Task(
            "tokens_each_second",
            "Tokens in a second",
            "6 · FLOP is a count, FLOP/s a rate",
            lesson="03_training_compute_6pd",
        ),
        Task(
            "served_for_the_training",
            "As dear as the training",
            "9 · After training, the model works",
            lesson="04_chinchilla_20_tokens",
        ),
        Task("growth_by_width", "A wider model", "3 · The rule 12 L d²", lesson="02_counting_parameters"),
        Task(
            "sequences_twice_as_long",
            "Longer sequences",
            "3 · What no parameter stands for",
            lesson="03_training_compute_6pd",
        ),
        Task("loss_left", "Doubling after doubling", "1 · What an exponent means", lesson="04_chinchilla_20_tokens"),
        Task(
            "free_beside_the_batch",
            "Put the answer back",
            "5 · What training really keeps",
            lesson="01_mlp_memory_and_throughput",
        ),
        Task("slip_in_mixture", "Find the slip", "6 · From 2017 to now", lesson="02_counting_parameters"),
        Task(
            "farthest_above_its_valley",
            "A dot beside its valley",
            "8 · How flat is the valley?",
            lesson="04_chinchilla_20_tokens",
        ),
    ),
    "recap_07": (
        Task(
            "stored_for_one_trained",
            "Stored or trained?",
            "4 · Sixteen, by a second road",
            lesson="06_optimizer_states",
        ),
        Task(
            "tokens_at_even_bytes",
            "Where activations catch up",
            "7 · When activations outgrow everything else",
            lesson="07_activation_memory",
        ),
        Task(
            "way_with_fewest_bytes",
            "Which format, and how?",
            "5 · The gradient that disappears",
            lesson="05_number_formats",
        ),
        Task(
            "loss_over_layers",
            "The loss against all layers",
            "5 · Two ways to keep less",
            lesson="07_activation_memory",
        ),
        Task("steps_with_bf16_moments", "A moment in bf16", "2 · Weighed", lesson="06_optimizer_states"),
        Task("slip_in_doubling", "Find the slip", "2 · One block, added up", lesson="07_activation_memory"),
        Task("update_that_is_lost", "Too short to move", "4 · The update that disappears", lesson="05_number_formats"),
        Task(
            "fullest_while_adding_up",
            "Gradients that stay",
            "7 · The fullest moment of a step",
            lesson="06_optimizer_states",
        ),
        Task(
            "change_that_leaves_the_peak",
            "What leaves the peak as it is?",
            "9 · One step, over time",
            lesson="07_activation_memory",
        ),
        Task(
            "error_beside_an_outlier",
            "One weight sets the step",
            "6 · Few bits and a scale",
            lesson="05_number_formats",
        ),
    ),
    "recap_11": (
        Task("tokens_of_one", "One person", "5 · What bounds a token", lesson="08_inference_and_fine_tuning"),
        Task(
            "largest_on_cards",
            "The largest model for some cards",
            "3 · Fits, does not fit, too close to call",
            lesson="10_will_it_fit",
        ),
        Task("tokens_when_faster", "Faster cards", "6 · What hides behind computing", lesson="09_many_gpus"),
        Task("times_too_large", "What is left over", "4 · What went wrong", lesson="11_checking_the_sources"),
        Task("gain_of_a_batch", "Many at once", "5 · What bounds a token", lesson="08_inference_and_fine_tuning"),
        Task(
            "seconds_for_the_sum", "Before the next step", "1 · Data parallel: add up, together", lesson="09_many_gpus"
        ),
        Task("change_that_fits", "Where to save", "5 · Four cases", lesson="10_will_it_fit"),
        Task(
            "bytes_saved_by_stage_three",
            "Two stages further",
            "2 · ZeRO: why does everybody hold everything?",
            lesson="09_many_gpus",
        ),
        Task(
            "slip_in_adapters",
            "Find the slip",
            "8 · LoRA: train little, but through everything",
            lesson="08_inference_and_fine_tuning",
        ),
        Task(
            "idle_by_limits",
            "Four formulas",
            "A limiting case: put in nothing, one, or very much",
            lesson="11_checking_the_sources",
        ),
    ),
}
"""By the name of its notebook."""
